// SPDX-License-Identifier: Apache-2.0

import FerryPeers

/// One direction of a connection: what one peer wrote and another has not read yet.
///
/// The pipe of the other direction has the same number but for its lowest bit.
struct Pipe {
  enum Load {
    case opening
    case frame(Frame)
    case ending(Ending)
  }

  /// How a reader learns that a connection is over.
  enum Ending {
    /// The other side hung up in good order.
    case goodbye(String)
    /// The connection broke; `LinkLoop` then dials again to learn why.
    case broken(String)
  }

  struct Item {
    /// When it would arrive if nothing else came up. World nanoseconds.
    let arrival: Int64
    let load: Load
  }

  var from = 0
  var to = 0
  var fromMember: Member
  var items = Queue<Item>()
  /// True once the reader's logic was told of the link; until then it hears of no end either.
  var isTold = false
  /// False once the reader has closed its end: what is written vanishes.
  var readerOpen = false
  /// True once the connection broke: what is written from now on is lost.
  var isBroken = false
  /// True when the writer's machine died without a word.
  var writerVanished = false
  /// When the line is free for the next frame.
  var freeAt: Int64 = 0
  var lastArrival: Int64 = 0
  /// Nothing arrives before this; `Int64.max` while the direction is cut.
  var floor: Int64 = 0
  /// Counts arrivals planned; an older plan is void.
  var arrivalEpoch: UInt32 = 0
  /// Counts beginnings and ends of silence.
  var silenceEpoch: UInt32 = 0
  /// Since when no heartbeat can come through.
  var quietSince: Int64?

  init(member: Member) { fromMember = member }
}

/// An attempt to open a link, with the retries that TCP makes.
struct Dial {
  enum Stage {
    case knocking
    case greeting
  }

  /// A link that broke, while its peer is looked for.
  struct Lost {
    let member: Member
    let reason: String
  }

  var from = 0
  var to = 0
  /// The dialing process; one that died since does not care any more.
  var life: UInt32 = 0
  var began: Int64 = 0
  var attempt = 0
  var stage = Stage.knocking
  /// True when `LinkLoop` dials of itself after a link broke, to learn whether the process lives.
  var isProbe = false
  /// What the probe is to settle; nil once that was settled otherwise.
  var lost: Lost?
  var isActive = false
}
