#if os(Linux)
    import FailingSyncs
    import Foundation
    import MoldauLog
    import Testing

    /// Whether a name was made durable shows only in a power cut, or if the system call for it fails. Directories are
    /// synced by `fsync` here, files by `fdatasync`.
    struct RealDirectorySyncTests {
        /// Runs on a thread on which directories cannot be synced.
        private func withFailingSyncs(_ body: @escaping @Sendable () throws -> Void) throws {
            let done = DispatchGroup()
            let outcome = Outcome()
            done.enter()
            Thread {
                defer { done.leave() }
                guard moldau_fail_directory_syncs() == 0 else { return outcome.result = .success(false) }
                outcome.result = Result { try body() }.map { true }
            }.start()
            done.wait()
            #expect(try outcome.result.get(), "this system lets no thread filter its own system calls")
        }

        /// Written by the thread, read after its end.
        private final class Outcome: @unchecked Sendable {
            var result = Result<Bool, any Error>.success(false)
        }

        private struct Step: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let run: @Sendable (PosixFileSystem, String) throws -> Void

            init(_ name: String, _ run: @escaping @Sendable (PosixFileSystem, String) throws -> Void) {
                (testDescription, self.run) = (name, run)
            }
        }

        private static let steps = [
            Step("a directory's names") { try $0.syncDirectory($1) },
            Step("the name of a file") { try $0.syncParent(of: "\($1)/file") },
            Step("a directory above a new one") { try $0.createDirectory("\($1)/above/new") },
            Step("a file that replaces another") { try $0.replace("\($1)/file", with: [1], in: $1, sync: true) },
        ]

        @Test(arguments: steps)
        private func `names are made durable by system calls`(step: Step) throws {
            let directory = try TemporaryDirectory()
            try step.run(PosixFileSystem(), directory.path)
            let again = try TemporaryDirectory()
            let other = again.path
            try withFailingSyncs {
                #expect(throws: LogError.self) { try step.run(PosixFileSystem(), other) }
            }
        }

        @Test func `a log creates no segment whose name cannot be made durable`() throws {
            let directory = try TemporaryDirectory()
            let path = directory.path
            try withFailingSyncs {
                #expect(throws: LogError.self) {
                    var log = try openLog(PosixFileSystem(), directory: "\(path)/p-0")
                    try log.append(["1"])
                }
            }
        }
    }
#endif
