import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The resources that the process has used so far.
struct Cost {
    var wallSeconds: Double
    /// Of all threads, in user code and in the kernel.
    var cpuSeconds: Double
    /// Bytes written to storage; 0 if the system does not say.
    var bytesWritten: Int

    static var now: Cost {
        Cost(
            wallSeconds: seconds(CLOCK_MONOTONIC), cpuSeconds: seconds(CLOCK_PROCESS_CPUTIME_ID),
            bytesWritten: procField("/proc/self/io", "write_bytes:") ?? 0)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The peak memory use since the last `forgetPeak`; 0 if the system does not say.
    static var peakMemoryBytes: Int { (procField("/proc/self/status", "VmHWM:") ?? 0) * 1_024 }

    /// The current memory use; 0 if the system does not say.
    static var residentBytes: Int { (procField("/proc/self/status", "VmRSS:") ?? 0) * 1_024 }

    static func forgetPeak() { try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8) }

    private static func procField(_ path: String, _ name: String) -> Int? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
        }
        return nil
    }

    static func - (end: Cost, start: Cost) -> Cost {
        Cost(
            wallSeconds: end.wallSeconds - start.wallSeconds, cpuSeconds: end.cpuSeconds - start.cpuSeconds,
            bytesWritten: end.bytesWritten - start.bytesWritten)
    }
}
