import Synchronization

/// Keeps one object for reuse. Threads that need one at the same time make their own.
final class ReusePool<Object: AnyObject>: Sendable {
    /// The address of the kept object, which is retained; 0 if there is none.
    private let place = Atomic<UInt>(0)

    deinit { _ = take() }

    /// Returns the kept object, which then belongs to the caller alone; nil if there is none.
    func take() -> Object? { exchange(0) }

    /// Keeps an object to which there is no other reference.
    func keep(_ object: Object) { _ = exchange(UInt(bitPattern: Unmanaged.passRetained(object).toOpaque())) }

    private func exchange(_ address: UInt) -> Object? {
        UnsafeRawPointer(bitPattern: place.exchange(address, ordering: .acquiringAndReleasing))
            .map { Unmanaged<Object>.fromOpaque($0).takeRetainedValue() }
    }
}
