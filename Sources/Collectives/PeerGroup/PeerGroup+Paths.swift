// SPDX-License-Identifier: Apache-2.0

import FerryBasics
public import FerryCodecs
public import FerryTensors

/// What a group has measured of the links between its members.
extension PeerGroup {
  /// Longest wait for the links' thread to look.
  private static var lookMax: Duration { .seconds(5) }

  /// The way that an all-reduce of so many elements takes among all members now, if it is left open,
  /// and how long it should take; nil while this peer is no member.
  public func pathChoice(
    _ count: Int, of type: ElementType = .f32, codec: CodecKind = .float32
  ) -> PathChoice? {
    let answer = Inbox<PathChoice?>()
    post { logic, _ in
      answer.put(logic.pathChoice(count, of: type, codec: codec))
      return []
    }
    return answer.take(waiting: Self.lookMax).first ?? nil
  }
}
