import MoldauRecords
import Synchronization

/// A place in a group. It ends with `leave`, or with its last holder. May be used by any thread.
///
/// What the group decides comes as events, which the member takes when it suits it:
///
///     assigned   the member may work on these from now on, beside what it has
///     revoked    the member commits and closes these, then says so by `released`: before that nobody else gets them
///     lost       the member is out: nothing of what it had may be committed, since others may have it already
///
/// An implementation calls `tell` from wherever it learns of them; the order of calls is that of the events.
public final class GroupMembership: Sendable {
    /// What of the group's work an event speaks of.
    public enum Share: Hashable, Sendable {
        /// All there is: the member is alone, or shares nothing out.
        case all
        case partitions(Set<TopicPartition>)
    }

    /// What happens to the membership.
    public enum Event: Hashable, Sendable {
        case assigned(Share)
        case revoked(Share)
        case lost
    }

    private let events: Mutex<[Event]>
    private let release: @Sendable () -> Void
    private let end: @Sendable () -> Void

    /// - Parameters:
    ///   - share: what the member has from the beginning; nil where the group is still to decide.
    ///   - release: hears that the member has let go of everything that was revoked so far.
    ///   - end: gives the place up; may be called more than once.
    public init(
        assigned share: Share? = nil, release: @escaping @Sendable () -> Void = {},
        end: @escaping @Sendable () -> Void
    ) {
        events = Mutex(share.map { [.assigned($0)] } ?? [])
        (self.release, self.end) = (release, end)
    }

    deinit { end() }

    /// What was decided since the last call, in order. Does not wait.
    public func takeEvents() -> [Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }

    /// For the cluster that made it: the member is to know this.
    public func tell(_ event: Event) { events.withLock { $0.append(event) } }

    /// What was revoked is committed and closed: others may have it.
    public func released() { release() }

    /// Ends the membership.
    public func leave() { end() }
}
