/// What an acknowledgement of an append promises.
public enum Durability: Hashable, Sendable {
    /// On disk before it is acknowledged: neither a crash of the process nor one of the machine loses it.
    case sync
    /// On disk at most this long after the acknowledgement: a crash of the machine loses at most that much.
    case interval(Duration)
    /// Handed to the operating system: a crash of the process loses nothing; a crash of the machine loses what the
    /// system had not written back yet.
    case os
}
