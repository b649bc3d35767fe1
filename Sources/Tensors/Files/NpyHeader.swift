// SPDX-License-Identifier: Apache-2.0

/// The dictionary in an npy file: just the Python that NumPy writes, and nothing is evaluated.
struct NpyHeader {
  /// Which dimension is fastest.
  enum Order { case c, fortran }

  /// What is wrong with it.
  struct Fault: Error {
    let what: String
  }

  /// NumPy's type string: `<f4`.
  private(set) var descr = ""
  private(set) var order = Order.c
  private(set) var shape: [Int] = []

  private let text: [UInt8]
  private var at = 0

  init(_ text: [UInt8]) throws(Fault) {
    self.text = text
    guard take("{") else { throw Fault(what: "no dictionary") }
    var seen: Set<String> = []
    while !take("}") {
      let key = try string()
      guard seen.insert(key).inserted else { throw Fault(what: "'\(key)' occurs twice") }
      guard take(":") else { throw Fault(what: "no ':' after '\(key)'") }
      switch key {
      case "descr": descr = try string()
      case "fortran_order": order = try flag() ? .fortran : .c
      case "shape": shape = try tuple()
      default: throw Fault(what: "unknown key '\(key)'")
      }
      if take(",") { continue }
      guard take("}") else { throw Fault(what: "no ',' or '}' after '\(key)'") }
      break
    }
    skipSpace()
    guard at == text.count else { throw Fault(what: "more text after the dictionary") }
    for key in ["descr", "fortran_order", "shape"] where !seen.contains(key) {
      throw Fault(what: "no '\(key)'")
    }
  }

  private mutating func skipSpace() {
    while at < text.count, text[at] == 0x20 || text[at] == 0x0a { at += 1 }
  }

  private mutating func take(_ word: String) -> Bool {
    skipSpace()
    guard text[at...].starts(with: word.utf8) else { return false }
    at += word.utf8.count
    return true
  }

  private mutating func string() throws(Fault) -> String {
    guard take("'") else { throw Fault(what: "expected a string at byte \(at)") }
    guard let end = text[at...].firstIndex(of: UInt8(ascii: "'")) else {
      throw Fault(what: "a string without end")
    }
    defer { at = end + 1 }
    return String(decoding: text[at..<end], as: UTF8.self)
  }

  private mutating func flag() throws(Fault) -> Bool {
    if take("True") { return true }
    if take("False") { return false }
    throw Fault(what: "fortran_order is neither True nor False")
  }

  private mutating func tuple() throws(Fault) -> [Int] {
    guard take("(") else { throw Fault(what: "the shape is no tuple") }
    var result: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = text[at...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
        throw Fault(what: "the shape has something else than whole numbers")
      }
      at += digits.count
      result.append(number)
      if take(",") { continue }
      guard take(")") else { throw Fault(what: "the shape is no tuple") }
      break
    }
    return result
  }
}
