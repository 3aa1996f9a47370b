internal import NIOPosix

/// The threads for work that would block an event loop.
struct ServerPools {
    /// Handles requests.
    let work: NIOThreadPool
    /// Checks passwords: one thread, so that log-ins never use more than one processor.
    let logIns: NIOThreadPool

    init(_ options: ServerOptions) {
        work = NIOThreadPool(numberOfThreads: options.workThreads)
        logIns = NIOThreadPool(numberOfThreads: 1)
    }

    /// Uses threads that already run; `start` and `stop` must not be called.
    init(sharing pool: NIOThreadPool) { (work, logIns) = (pool, pool) }

    func start() {
        work.start()
        logIns.start()
    }

    /// Blocks until all work is done.
    func stop() {
        try? work.syncShutdownGracefully()
        try? logIns.syncShutdownGracefully()
    }
}
