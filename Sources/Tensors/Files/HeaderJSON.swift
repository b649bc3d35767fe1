// SPDX-License-Identifier: Apache-2.0

/// The JSON of a safetensors header: objects, arrays, strings and whole numbers.
///
/// Our own small reader, because a header from elsewhere needs three things that general ones do
/// not give: names given twice are found, nesting is bounded, and numbers stay exact integers.
struct HeaderJSON {
  /// A value; an object keeps its order.
  enum Value {
    case object([(key: String, value: Value)])
    case array([Value])
    case string(String)
    case number(Int)
    /// true, false, null or a number that is no `Int`, by their text: nothing a header may hold.
    case other(String)
  }

  /// What is wrong, and at which byte of the header.
  struct Fault: Error {
    let what: String
    let offset: Int
  }

  /// The deepest nesting of objects and arrays; a header needs 3.
  static let depthMax = 8

  private let text: [UInt8]
  private var at = 0

  /// Reads one value, with nothing but white space after it.
  static func parse(_ text: [UInt8]) throws(Fault) -> Value {
    var parser = HeaderJSON(text: text)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.at < text.count { throw parser.fault("more text after the end") }
    return value
  }

  private init(text: [UInt8]) { self.text = text }

  private func fault(_ what: String) -> Fault { Fault(what: what, offset: at) }

  private var next: UInt8? { at < text.count ? text[at] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { at += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws(Fault) -> Value {
    guard depth <= Self.depthMax else { throw fault("nested more than \(Self.depthMax) deep") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case nil: throw fault("the text ends early")
    default: return try word()
    }
  }

  private mutating func object(depth: Int) throws(Fault) -> Value {
    at += 1
    var members: [(key: String, value: Value)] = []
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("expected a name in quotes") }
      let key = try string()
      guard take(":") else { throw fault("expected ':'") }
      members.append((key, try value(depth: depth + 1)))
      if take("}") { return .object(members) }
      guard take(",") else { throw fault("expected ',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(Fault) -> Value {
    at += 1
    var items: [Value] = []
    if take("]") { return .array(items) }
    while true {
      items.append(try value(depth: depth + 1))
      if take("]") { return .array(items) }
      guard take(",") else { throw fault("expected ',' or ']'") }
    }
  }

  private mutating func word() throws(Fault) -> Value {
    let start = at
    while let byte = next, isWordByte(byte) { at += 1 }
    guard at > start else { throw fault("unexpected character") }
    let word = String(decoding: text[start..<at], as: UTF8.self)
    let digits = word.hasPrefix("-") ? word.dropFirst() : word[...]
    // JSON knows no leading zeros and no plus sign.
    if digits.allSatisfy(\.isNumber), digits == "0" || !digits.hasPrefix("0"),
      let number = Int(word)
    {
      return .number(number)
    }
    return .other(word)
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "+"),
      UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func string() throws(Fault) -> String {
    at += 1
    var bytes: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw fault("text that is not UTF-8")
        }
        return string
      case UInt8(ascii: "\\"):
        at += 1
        try escape(into: &bytes)
      case 0..<0x20: throw fault("a control character in a string")
      default:
        bytes.append(byte)
        at += 1
      }
    }
    throw fault("the text ends inside a string")
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(Fault) {
    guard let kind = next else { throw fault("the text ends inside a string") }
    at += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(kind)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var code = try fourHexDigits()
      if (0xd800..<0xdc00).contains(code) {
        // The first half of a pair: the second must follow.
        guard take("\\"), take("u") else { throw fault("half of a surrogate pair") }
        let low = try fourHexDigits()
        guard (0xdc00..<0xe000).contains(low) else { throw fault("half of a surrogate pair") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair") }
      bytes.append(contentsOf: String(Character(scalar)).utf8)
    default: throw fault("an unknown escape")
    }
  }

  private mutating func fourHexDigits() throws(Fault) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw fault("\\u without four hexadecimal digits")
      }
      code = code * 16 + UInt32(digit)
      at += 1
    }
    return code
  }
}

extension HeaderJSON {
  /// A string in quotes, with the escapes that JSON requires and no others.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{c}": result += "\\f"
      case "\0"..<" ":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
