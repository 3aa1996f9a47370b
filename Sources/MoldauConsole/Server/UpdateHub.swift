import ServiceLifecycle
import Synchronization

/// Produces an event every second for all subscribers, while there are any.
final class UpdateHub: Service {
    private let make: @Sendable () async throws -> ServerEvent
    private let readers = Mutex<[EventReader]>([])

    init(_ make: @escaping @Sendable () async throws -> ServerEvent) { self.make = make }

    /// Subscribes to the events from now on.
    func subscribe() -> EventReader {
        let reader = EventReader()
        readers.withLock { $0.append(reader) }
        return reader
    }

    /// Runs until it is cancelled or shut down.
    func run() async throws {
        await cancelWhenGracefulShutdown { await self.tick() }
        for reader in readers.withLock({ $0 }) { reader.end() }
    }

    private func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            guard readers.withLock({ !$0.isEmpty }), let event = try? await make() else { continue }
            readers.withLock { readers in readers.removeAll { !$0.push(event) } }
        }
    }
}
