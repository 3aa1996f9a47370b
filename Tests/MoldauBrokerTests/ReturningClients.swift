import MoldauBroker
import MoldauLog
import MoldauRecords
import Synchronization

/// Clients that append again some time after each answer, to a disk whose sync takes 8 ms. The time is made.
final class ReturningClients: Sendable {
    static let syncTime = Duration.milliseconds(8)
    private static let pause = Duration.microseconds(200)

    private let time: MadeTime
    private let broker: Broker<FailingFileSystem>
    /// When each client appends; nil while it waits.
    private let due: Mutex<[Duration?]>
    /// How long each append has waited, in the order of their answers.
    let waits = Mutex<[Duration]>([])

    /// A time that goes on when it is told to.
    private final class MadeTime: Sendable {
        private let time = Mutex(Duration.zero)
        var now: Duration { time.withLock { $0 } }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
    }

    init(count: Int) throws {
        let (files, time) = (FailingFileSystem(), MadeTime())
        self.time = time
        broker = try openQuietBroker(files, uptime: { time.now })
        due = Mutex((0..<count).map { .microseconds(700 * $0) })
        files.syncs.withLock { syncs in
            syncs.onSync = { [unowned self] in
                for _ in 0..<80 { pass(Self.syncTime / 80) }
            }
        }
    }

    /// Has a twentieth of a millisecond pass, and what is due then happen.
    func step() {
        pass(.microseconds(50))
        broker.callbacks.runDue()
    }

    private func pass(_ duration: Duration) {
        time.pass(duration)
        let now = time.now
        let clients = due.withLock { due in
            due.indices.filter { client in
                guard let time = due[client], time <= now else { return false }
                due[client] = nil
                return true
            }
        }
        for client in clients { append(client, now) }
    }

    private func append(_ client: Int, _ begun: Duration) {
        do {
            try broker.append(["\(client)"], to: client.isMultiple(of: 2) ? left : right) { [unowned self] _ in
                waits.withLock { $0.append(time.now - begun) }
                due.withLock { $0[client] = time.now + Self.pause }
            }
        } catch {
            fatalError("an append was refused: \(error)")
        }
    }
}
