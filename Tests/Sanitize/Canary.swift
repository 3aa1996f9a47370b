import Foundation
import Synchronization

/// Code that a sanitizer must not report, and code that it must report: run without arguments, and with `race` or
/// `freed`.
@main
struct Canary {
    static func main() {
        switch CommandLine.arguments.dropFirst().first {
        case "race": race()
        case "freed": freed()
        default: count()
        }
    }

    /// Threads that wait for each other's lock: not a race.
    private static func count() {
        let counts = Mutex<[Int: Int]>([:])
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for step in 0..<20_000 { counts.withLock { $0[step % 7, default: 0] += 1 } }
        }
        precondition(counts.withLock { $0.values.reduce(0, +) } == 80_000)
    }

    /// Uses two separate threads: two threads of a pool may turn out to be the same.
    private static func race() {
        nonisolated(unsafe) let number = UnsafeMutablePointer<Int>.allocate(capacity: 1)
        number.initialize(to: 0)
        let done = Atomic(0)
        for _ in 0..<2 {
            Thread.detachNewThread {
                for _ in 0..<20_000 { number.pointee &+= 1 }
                done.add(1, ordering: .acquiringAndReleasing)
            }
        }
        while done.load(ordering: .acquiring) < 2 { Thread.sleep(forTimeInterval: 0.001) }
        print(number.pointee)
        number.deallocate()
    }

    private static func freed() {
        let numbers = UnsafeMutablePointer<Int>.allocate(capacity: 4)
        numbers.initialize(repeating: 1, count: 4)
        numbers.deallocate()
        print(numbers[CommandLine.arguments.count])
    }
}
