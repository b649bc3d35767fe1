// SPDX-License-Identifier: Apache-2.0

@main
struct Ferry {
  static func main() { print("ferry") }
}
