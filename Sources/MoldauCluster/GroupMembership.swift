import MoldauRecords
import Synchronization

/// A member's place in a group. It ends with `leave`, or when the object is deallocated. May be used by any thread.
///
/// The group's decisions arrive as events, which the member takes when it is ready:
///
///     assigned   the member may work on these from now on, in addition to what it has
///     revoked    the member commits and closes these, then calls `released`: until then no one else gets them
///     lost       the member was removed: it must not commit anything it had, since others may have it already
///
/// An implementation calls `tell` from whatever thread learns of an event; the order of calls is the order of events.
public final class GroupMembership: Sendable {
    /// The part of the group's work that an event is about.
    public enum Share: Hashable, Sendable {
        /// Everything: the member is alone, or the group does not divide its work.
        case all
        /// The work of these partitions only.
        case partitions(Set<TopicPartition>)
    }

    /// An event of the membership.
    public enum Event: Hashable, Sendable {
        /// The member may work on this from now on, in addition to what it has.
        case assigned(Share)
        /// The member commits and closes this, then calls `released`.
        case revoked(Share)
        /// The member was removed from the group: it must not commit anything that it had.
        case lost
    }

    private let events: Mutex<[Event]>
    private let release: @Sendable () -> Void
    private let end: @Sendable () -> Void

    /// - Parameters:
    ///   - share: what the member has from the start; nil if the group has not decided yet.
    ///   - release: called when the member has released everything that was revoked so far.
    ///   - end: gives up the place; may be called more than once.
    public init(
        assigned share: Share? = nil, release: @escaping @Sendable () -> Void = {},
        end: @escaping @Sendable () -> Void
    ) {
        events = Mutex(share.map { [.assigned($0)] } ?? [])
        (self.release, self.end) = (release, end)
    }

    deinit { end() }

    /// The events since the last call, in order. Does not wait.
    public func takeEvents() -> [Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }

    /// Called by the cluster that made the membership: passes an event to the member.
    public func tell(_ event: Event) { events.withLock { $0.append(event) } }

    /// Called by the member when it has committed and closed everything that was revoked: others may have it now.
    public func released() { release() }

    /// Ends the membership.
    public func leave() { end() }
}
