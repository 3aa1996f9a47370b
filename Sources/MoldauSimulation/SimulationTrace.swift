import MoldauRecords
import MoldauTopology
import Synchronization

/// The events of a simulated run: a hash over all of them and, on request, the lines.
package final class SimulationTrace: Sendable {
    private struct State {
        /// FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var lines: [String] = []
    }

    private static let keptLines = 100_000
    private let keepsLines: Bool
    private let state = Mutex(State())

    init(keepsLines: Bool) { self.keepsLines = keepsLines }

    /// Two runs with the same hash had the same events.
    package var hash: UInt64 { state.withLock { $0.hash } }
    /// The last events; empty if lines are not kept.
    package var lines: [String] { state.withLock { $0.lines } }

    func note(_ event: StaticString, _ name: String = "", _ numbers: Int...) {
        state.withLock { state in
            func mix(_ byte: UInt8) { state.hash = (state.hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            event.withUTF8Buffer { for byte in $0 { mix(byte) } }
            for byte in name.utf8 { mix(byte) }
            for number in numbers {
                state.hash = (state.hash ^ UInt64(bitPattern: Int64(number))) &* 0x100_0000_01b3
            }
            guard keepsLines else { return }
            if state.lines.count >= 2 * Self.keptLines { state.lines.removeFirst(Self.keptLines) }
            state.lines.append("\(event) \(name) \(numbers.map(String.init).joined(separator: " "))")
        }
    }
}

/// A run's random numbers: one generator, shared by all decisions.
final class Chance: Sendable {
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

    /// A number from 0 up to, not including, `bound`.
    func below(_ bound: Int) -> Int { generator.withLock { Int($0.next() % UInt64(bound)) } }
    func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
    /// True once in `count` times on average.
    func oneIn(_ count: Int) -> Bool { below(count) == 0 }
    func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
