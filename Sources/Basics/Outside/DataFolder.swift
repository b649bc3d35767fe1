// SPDX-License-Identifier: Apache-2.0

/// Where fetched data is kept: texts to train on, tables and pictures that recipes run on.
public enum DataFolder {
  /// `$FERRY_DATA`, else `$XDG_CACHE_HOME/ferry/data`, else `~/.cache/ferry/data`.
  ///
  /// - Parameter environment: the process's environment, which rooms do not read themselves.
  public static func path(environment: [String: String]) -> String {
    if let own = environment["FERRY_DATA"], !own.isEmpty { return own }
    // The XDG specification: a relative path is to be ignored.
    if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
      return cache + "/ferry/data"
    }
    return (environment["HOME"] ?? ".") + "/.cache/ferry/data"
  }
}
