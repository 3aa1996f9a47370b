internal import NIOPosix

/// The threads that do what would block an event loop.
struct ServerPools {
    /// Does requests.
    let work: NIOThreadPool
    /// Checks passwords: one thread, so that log-ins never take more than one processor.
    let logIns: NIOThreadPool

    init(_ options: ServerOptions) {
        work = NIOThreadPool(numberOfThreads: options.workThreads)
        logIns = NIOThreadPool(numberOfThreads: 1)
    }

    /// Uses threads that run already, and that `start` and `stop` are not for.
    init(sharing pool: NIOThreadPool) { (work, logIns) = (pool, pool) }

    func start() {
        work.start()
        logIns.start()
    }

    /// Blocks until nothing is done any more.
    func stop() {
        try? work.syncShutdownGracefully()
        try? logIns.syncShutdownGracefully()
    }
}
