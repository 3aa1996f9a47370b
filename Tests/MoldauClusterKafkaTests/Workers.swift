import Foundation
import ProgramSupport

/// A process of `cluster-worker`.
final class Worker {
    private let running: RunningProgram
    let name: String

    init(_ name: String, on broker: BrokerProcess, _ options: [String] = []) throws {
        self.name = name
        let state = broker.directory.appending(path: "state-\(name)").path
        running = try BuiltProgram("cluster-worker").start(
            ["--servers", broker.address, "--state", state] + options, in: broker.directory)
    }

    /// The last line that it printed about its state, its tasks and its standbys.
    private var line: [String] {
        let lines = (try? running.outputSoFar())?.split(separator: "\n") ?? []
        return lines.last?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
    }

    var isRunning: Bool { line.first == "running" }

    /// Its active tasks.
    var tasks: [String] { words(1) }
    /// Its standby tasks.
    var standbys: [String] { words(2) }

    /// The hosts that it knows, each with the number of its tasks.
    var hosts: [String] { line.last?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? [] }

    private func words(_ place: Int) -> [String] {
        guard line.count == 4 else { return [] }
        return line[place].split(separator: " ").map { $0.trimmingCharacters(in: [";"]) }
            .filter { $0.contains("_") }
    }

    /// Every set of tasks that it had, in order.
    var history: [String] { (try? running.outputSoFar().split(separator: "\n").map(String.init)) ?? [] }
    var log: String { (try? running.errorsSoFar()) ?? "" }

    /// Kills it, and waits until its state can be used by another process.
    func kill() throws {
        running.kill()
        _ = try running.wait()
    }

    /// Suspends or resumes it.
    func hang(_ isHanging: Bool) { _ = Foundation.kill(running.processIdentifier, isHanging ? SIGSTOP : SIGCONT) }

    /// Interrupts it, and waits for its end.
    @discardableResult
    func stop() throws -> Int32 {
        running.interrupt()
        return try running.wait().status
    }

    deinit { running.kill() }
}
