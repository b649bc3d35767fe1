// SPDX-License-Identifier: Apache-2.0

/// The limits of links, in one place.
public enum LinkLimits {
  /// The longest payload of a frame; senders cut longer things into several.
  public static let frameBytesMax = 16 << 20
  /// What may wait to be sent on one link, unless set otherwise; a link with more is hung up.
  public static let queueBytesMax = 512 << 20
  /// The longest reason sent with a hang-up.
  public static let reasonBytesMax = 256
  /// Links of one peer.
  public static let linksMax = 256
  /// Connections that have not finished their greeting.
  public static let handshakesMax = 64
}
