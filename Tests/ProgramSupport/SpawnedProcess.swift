import CSpawn
import Foundation
import Synchronization

/// A process of another program. Unlike Foundation's `Process`, which reads past a buffer when it looks for open
/// descriptors (Swift 6.2 on Linux: a crash where thousands are open), this one leaves closing them to the system.
public final class SpawnedProcess: Sendable {
    /// Its process id.
    public let identifier: Int32
    private let status = Mutex<Int32?>(nil)
    private let end = DispatchGroup()

    /// Starts a program. It gets this process's environment.
    /// - Parameters:
    ///   - program: its path.
    ///   - streams: descriptors for its standard input, output and errors; nil is the null device.
    ///   - workingDirectory: nil: that of this process.
    public init(
        _ program: String, _ arguments: [String], streams: [Int32?] = [nil, nil, nil], workingDirectory: String? = nil
    ) throws {
        #if canImport(Darwin)
            var (actions, attributes): (posix_spawn_file_actions_t?, posix_spawnattr_t?) = (nil, nil)
        #else
            var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (place, stream) in zip(Int32(0)..., streams) {
            if let stream {
                posix_spawn_file_actions_adddup2(&actions, stream, place)
            } else {
                posix_spawn_file_actions_addopen(&actions, place, "/dev/null", place == 0 ? O_RDONLY : O_WRONLY, 0)
            }
        }
        if let workingDirectory { spawn_in_directory(&actions, workingDirectory) }
        spawn_without_descriptors(&actions, &attributes)
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let environment = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + environment { free(text) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, program, &actions, &attributes, words, environment)
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
        identifier = started
        end.enter()
        watch()
    }

    /// Sends it a signal, if it has not ended.
    public func send(_ signal: Int32) { status.withLock { if $0 == nil { _ = kill(identifier, signal) } } }

    /// Waits until it ends. Blocks.
    /// - Returns: what it returned; the number of the signal that ended it.
    public func wait() -> Int32 {
        end.wait()
        return status.withLock { $0 ?? -1 }
    }

    /// Reaps it at once: an ended process that is not reaped keeps callers busy that wait for any process.
    private func watch() {
        Thread.detachNewThread { [self] in
            var information = siginfo_t()
            while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
            status.withLock { status in
                var code: Int32 = 0
                waitpid(identifier, &code, 0)
                // The lower seven bits are the signal; the next byte is what the program returned.
                status = code & 0x7f == 0 ? (code >> 8) & 0xff : code & 0x7f
            }
            end.leave()
        }
    }
}
