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
  /// Further connections of one link, for bulk.
  public static let strandsMax = 16
  /// After so many failures to open one, a link does without.
  public static let strandFailuresMax = 3
  /// Bytes of bulk records that came early, over which a link's faster strands rest.
  public static let reorderBytesMax = 32 << 20
  /// Connections that have not finished their greeting.
  public static let handshakesMax = 64
}
