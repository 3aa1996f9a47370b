import Synchronization

/// Keeps one object for the next who needs one. Threads that come at the same time make their own.
final class ReusePool<Object: AnyObject>: Sendable {
    /// The address of an object that this holds a reference to, or 0.
    private let place = Atomic<UInt>(0)

    deinit { _ = take() }

    /// The kept object; it belongs to the caller alone.
    func take() -> Object? { exchange(0) }

    /// Keeps an object that nobody else holds.
    func keep(_ object: Object) { _ = exchange(UInt(bitPattern: Unmanaged.passRetained(object).toOpaque())) }

    private func exchange(_ address: UInt) -> Object? {
        UnsafeRawPointer(bitPattern: place.exchange(address, ordering: .acquiringAndReleasing))
            .map { Unmanaged<Object>.fromOpaque($0).takeRetainedValue() }
    }
}
