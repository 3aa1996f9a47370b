/// What an acknowledgement promises.
public enum Durability: Hashable, Sendable {
    /// Acknowledged is on disk: neither a crash of the process nor of the machine loses it.
    case sync
    /// On disk at the latest this long after the acknowledgement: a crash of the machine loses at most that much.
    case interval(Duration)
    /// Written to the operating system: a crash of the process loses nothing, one of the machine what was not written
    /// back.
    case os
}
