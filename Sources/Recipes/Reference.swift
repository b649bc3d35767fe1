// SPDX-License-Identifier: Apache-2.0

/// A paper to read and to cite.
public struct Reference: Sendable, Equatable {
  /// Its key in `Docs/papers.bib`.
  public let key: String
  /// As BibTeX has them: `Last, First and Last, First`.
  public let authors: String
  /// Its title.
  public let title: String
  /// Where it was published.
  public let venue: String
  /// When.
  public let year: Int
  /// A link that lasts: a DOI, or arXiv.
  public let link: String

  /// A reference; none of its texts may hold unbalanced braces.
  public init(
    key: String, authors: String, title: String, venue: String, year: Int, link: String
  ) {
    self.key = key
    self.authors = authors
    self.title = title
    self.venue = venue
    self.year = year
    self.link = link
  }

  /// Its entry, with a line for each field.
  public var bibTeX: String {
    """
    @article{\(key),
      author  = {\(authors)},
      title   = {{\(title)}},
      journal = {\(venue)},
      year    = {\(year)},
      url     = {\(link)},
    }

    """
  }
}
