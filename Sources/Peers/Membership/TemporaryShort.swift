extension PeerID {
  public var short: String { String(bytes.suffix(3).map { String($0, radix: 16) }.joined()) }
}
