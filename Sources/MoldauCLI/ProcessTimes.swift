#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Wall-clock time, and CPU time of all threads of the process, in seconds.
struct ProcessTimes {
    let wall: Double
    let cpu: Double

    /// Reads both clocks; this is a system call, as costly as producing a record or two.
    static var now: ProcessTimes { ProcessTimes(wall: wallNow, cpu: seconds(CLOCK_PROCESS_CPUTIME_ID)) }

    /// The wall-clock time alone, which is cheap.
    static var wallNow: Double { seconds(CLOCK_MONOTONIC) }

    /// The time elapsed since `begin`.
    func since(_ begin: ProcessTimes) -> ProcessTimes {
        ProcessTimes(wall: wall - begin.wall, cpu: cpu - begin.cpu)
    }

    private init(wall: Double, cpu: Double) { (self.wall, self.cpu) = (wall, cpu) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
