// SPDX-License-Identifier: Apache-2.0

package struct RunRecord { package init(events: [Event]) {} }
package struct ReportPage { package init(_ record: RunRecord) {}; package var html: String { "" } }
