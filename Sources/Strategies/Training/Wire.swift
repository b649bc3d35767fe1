// SPDX-License-Identifier: Apache-2.0

import FerryBasics

// Learning's files have a coding of their own with the same names; on the wire it is Basics'.
typealias ByteWriter = FerryBasics.ByteWriter
typealias ByteReader = FerryBasics.ByteReader
