import MoldauLog
import Synchronization

extension SimulatedDisk {
    /// Changes names. If an outage begins here, the change either happened or did not.
    private func change(
        _ operation: StaticString, _ path: String, really: (RealFiles) throws(LogError) -> Void,
        _ changes: (State) -> [NameChange]
    ) throws(LogError) {
        if let real {
            let isWhole = try begun(operation, path)
            if isWhole || chance.oneIn(2) { try really(real) }
            if !isWhole { throw Self.failure("\(operation)", path, code: 5, "the machine is off") }
            return
        }
        try state.withLock { state throws(LogError) in
            let changes = changes(state)
            if changes.isEmpty { return }
            let isWhole = try begin(&state, operation, path)
            if isWhole || chance.oneIn(2) {
                for change in changes { state.current.apply(change) }
                state.unsyncedNames[Self.parent(path), default: []] += changes
            }
            if !isWhole { throw Self.failure("\(operation)", path, code: 5, "the machine is off") }
        }
    }

    /// Begins an operation on a real file.
    /// - Returns: the same as `begin`.
    private func begun(_ operation: StaticString, _ path: String) throws(LogError) -> Bool {
        try state.withLock { state throws(LogError) in try begin(&state, operation, path) }
    }

    private func open(_ path: String, _ real: RealFiles) throws(LogError) -> SimulatedFile {
        if !real.exists(path) { try pass("create", path) }
        return SimulatedFile(self, path, node: 0, boot: state.withLock { $0.boot }, real: try real.open(path))
    }

    package func open(_ path: String) throws(LogError) -> SimulatedFile {
        if let real { return try open(path, real) }
        let isThere = state.withLock { $0.current.files[path] != nil }
        if !isThere {
            let node = state.withLock { state in
                state.nodes[state.nextNode] = Node()
                defer { state.nextNode += 1 }
                return state.nextNode
            }
            try change("create", path, really: { _ in }) { _ in [.bind(path, node: node)] }
        }
        return try state.withLock { state throws(LogError) in
            if state.isOff { throw Self.failure("opening", path, code: 5, "the machine is off") }
            guard let node = state.current.files[path] else { throw Self.failure("opening", path, code: 2, "gone") }
            return SimulatedFile(self, path, node: node, boot: state.boot)
        }
    }

    package func exists(_ path: String) -> Bool {
        if mistake == .journalIgnored, path.hasSuffix(".journal") { return false }
        if let real { return real.exists(path) }
        return state.withLock { $0.current.files[path] != nil || $0.current.directories.contains(path) }
    }

    package func names(in directory: String) throws(LogError) -> [String] {
        if let real {
            if isOff { throw Self.failure("listing", directory, code: 5, "the machine is off") }
            return try real.names(in: directory)
        }
        return try state.withLock { state throws(LogError) in
            if state.isOff { throw Self.failure("listing", directory, code: 5, "the machine is off") }
            let prefix = directory + "/"
            return (Array(state.current.files.keys) + Array(state.current.directories))
                .filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
                .filter { !$0.contains("/") }.sorted()
        }
    }

    package func createDirectory(_ path: String) throws(LogError) {
        let parent = Self.parent(path)
        if !parent.isEmpty { try createDirectory(parent) }
        if let real, real.exists(path) { return }
        try change("mkdir", path, really: { real throws(LogError) in try real.createDirectory(path) }) {
            $0.current.directories.contains(path) ? [] : [.makeDirectory(path)]
        }
    }

    package func removeFile(_ path: String) throws(LogError) {
        if mistake == .cleanMarkerKept, path.hasSuffix(".kafka_cleanshutdown") { return }
        if let real, !real.exists(path) { return }
        try change("remove", path, really: { real throws(LogError) in try real.removeFile(path) }) {
            $0.current.files[path] == nil ? [] : [.remove(path)]
        }
    }

    package func removeDirectory(_ path: String) throws(LogError) {
        for name in try names(in: path) { try removeFile("\(path)/\(name)") }
        if let real, !real.exists(path) { return }
        try change("rmdir", path, really: { real throws(LogError) in try real.removeDirectory(path) }) {
            $0.current.directories.contains(path) ? [.removeDirectory(path)] : []
        }
    }

    package func rename(_ path: String, to newPath: String) throws(LogError) {
        if real != nil {
            return try change("rename", path, really: { real throws(LogError) in try real.rename(path, to: newPath) }) {
                _ in []
            }
        }
        if state.withLock({ $0.current.directories.contains(path) }) {
            // Its unsynced names move with it.
            state.withLock { state in
                guard let changes = state.unsyncedNames.removeValue(forKey: path) else { return }
                state.unsyncedNames[newPath] = changes.map { $0.moved(from: path, to: newPath) }
            }
            return try change("rename", path, really: { _ in }) { _ in [.moveDirectory(path, to: newPath)] }
        }
        let node = state.withLock { $0.current.files[path] }
        guard let node else { throw Self.failure("renaming", path, code: 2, "there is no such file") }
        try change("rename", path, really: { _ in }) { _ in [.move(path, to: newPath, node: node)] }
    }

    package func syncDirectory(_ path: String) throws(LogError) {
        switch mistake {
        case .directorySyncSkipped: return
        case .partitionDirectorySyncSkipped where path.contains("/"): return
        case .rootDirectorySyncSkipped where !path.contains("/"): return
        default: break
        }
        let path = path == "." ? "" : path
        try state.withLock { state throws(LogError) in
            let isWhole = try begin(&state, "syncdir", path)
            try failIfDue(&state, path)
            guard isWhole || chance.oneIn(2) else { throw Self.failure("sync", path, code: 5, "the machine is off") }
            if let real { try real.syncDirectory(path) }
            for change in state.unsyncedNames.removeValue(forKey: path) ?? [] { state.durable.apply(change) }
            if !isWhole { throw Self.failure("sync", path, code: 5, "the machine is off") }
        }
    }

    func failIfDue(_ state: inout State, _ path: String) throws(LogError) {
        guard let left = state.syncsToFailure else { return }
        state.syncsToFailure = left - 1
        if left == 1 { throw Self.failure("sync", path, code: 5, "the disk failed") }
    }

    package func sync(_ files: [SimulatedFile]) throws(LogError) {
        for file in mistake == .groupSyncOfOneFile ? Array(files.prefix(1)) : files { try file.sync() }
    }

    package func lock(_ directory: String) throws(LogError) -> DirectoryLock {
        guard let real else { return DirectoryLock {} }
        let lock = try real.lock(directory)
        // Released with its holder, and in any case with the process.
        return state.withLock { state in
            state.lock = lock
            let boot = state.boot
            return DirectoryLock { [weak self] in
                self?.state.withLock { state in if state.boot == boot { state.lock = nil } }
            }
        }
    }
}
