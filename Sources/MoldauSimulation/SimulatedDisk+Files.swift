import MoldauLog
import MoldauRecords
import Synchronization

extension SimulatedDisk {
    private func with<Result: Sendable>(
        _ file: SimulatedFile, _ body: (inout State, inout Node) throws(LogError) -> Result
    ) throws(LogError) -> Result {
        try state.withLock { state throws(LogError) in
            let held = file.real == nil ? state.nodes[file.node] : Node()
            guard file.boot == state.boot, !state.isOff, var node = held else {
                throw Self.failure("use", file.path, code: 5, "the machine is off")
            }
            // Taken out of the table, so that it is changed in place.
            state.nodes[file.node] = nil
            defer { if file.real == nil { state.nodes[file.node] = node } }
            return try body(&state, &node)
        }
    }

    func size(_ file: SimulatedFile) throws(LogError) -> Int {
        if let opened = file.real { return try checked(file) { () throws(LogError) in try opened.size() } }
        return try with(file) { _, node in node.current.count }
    }

    func read(
        _ file: SimulatedFile, into buffer: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        nonisolated(unsafe) let buffer = buffer  // Used only during the call.
        if let opened = file.real { return try read(file, opened, into: buffer, at: position) }
        return try with(file) { state, node throws(LogError) in
            var count = max(0, min(buffer.count, node.current.count - position))
            if !state.isUnobserved {
                if count > 1, chance.oneIn(8) { count = chance.within(1...count) }
                trace.note("read", file.path, position, count)
            }
            node.current.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<(position + count)]))
            }
            return count
        }
    }

    func write(
        _ file: SimulatedFile, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        nonisolated(unsafe) let (head, body) = (head, body)  // Used only during the call.
        return try with(file) { state, node throws(LogError) in
            let checksum = Int(crc32c(body, seed: crc32c(head)))
            let isWhole = try begin(&state, "write", file.path, (position, checksum))
            let wanted = head.count + body.count
            var count = isWhole ? wanted : chance.below(wanted + 1)
            let isFull = state.spaceLeft.map { $0 < wanted } ?? false
            if isFull { count = min(count, chance.below(max(1, state.spaceLeft ?? 0))) }
            if isWhole, !isFull, wanted > 1, chance.oneIn(8) { count = chance.within(1...wanted) }
            if let left = state.spaceLeft { state.spaceLeft = left - count }
            if mistake == .diskFullIgnored, isFull { return wanted }
            if let opened = file.real {
                try opened.write(prefix: count, of: head, body, at: position)
            } else {
                node.write(count, of: head, body, at: position)
            }
            if !isWhole { throw Self.failure("writing", file.path, code: 5, "the machine is off") }
            if isFull { throw Self.failure("writing", file.path, code: 28, "no space left on device") }
            return count
        }
    }

    func truncate(_ file: SimulatedFile, to size: Int) throws(LogError) {
        if mistake == .tornTailKept { return }
        try with(file) { state, node throws(LogError) in
            let isWhole = try begin(&state, "truncate", file.path, (size, 0))
            if isWhole || chance.oneIn(2) {
                try file.real?.truncate(to: size)
                node.truncate(to: size)
            }
            if !isWhole { throw Self.failure("truncation", file.path, code: 5, "the machine is off") }
        }
    }

    func sync(_ file: SimulatedFile) throws(LogError) {
        switch mistake {
        case .syncSkipped: return
        case .contentSyncSkippedBeforeRename where file.path.hasSuffix(".tmp"): return
        default: break
        }
        do throws(LogError) {
            try syncOnce(file)
        } catch {
            guard mistake == .failedSyncRetried, !isOff else { throw error }
            try syncOnce(file)
        }
    }

    private func syncOnce(_ file: SimulatedFile) throws(LogError) {
        try with(file) { state, node throws(LogError) in
            let isWhole = try begin(&state, "sync", file.path)
            do throws(LogError) {
                try failIfDue(&state, file.path)
            } catch {
                // The kernel marks the pages as clean, written or not, and may drop them.
                loseBytes(&node)
                throw error
            }
            guard isWhole || chance.oneIn(2) else {
                throw Self.failure("sync", file.path, code: 5, "the machine is off")
            }
            try file.real?.sync()
            if let from = node.dirtyFrom {
                node.durable.removeSubrange(min(from, node.durable.count)...)
                node.durable.append(contentsOf: node.current[node.durable.count...])
                node.dirtyFrom = nil
            }
            if !isWhole { throw Self.failure("sync", file.path, code: 5, "the machine is off") }
        }
    }

    /// Uses a real file, which becomes invalid with the boot that opened it.
    private func checked<Result: Sendable>(
        _ file: SimulatedFile, _ body: () throws(LogError) -> Result
    ) throws(LogError) -> Result {
        try with(file) { _, _ throws(LogError) in try body() }
    }

    private func read(
        _ file: SimulatedFile, _ opened: PosixFile, into buffer: UnsafeMutableRawBufferPointer, at position: Int
    ) throws(LogError) -> Int {
        nonisolated(unsafe) let buffer = buffer  // Used only during the call.
        return try with(file) { state, _ throws(LogError) in
            if state.isUnobserved { return try opened.readSome(into: buffer, at: position) }
            let wanted = buffer.count > 1 && chance.oneIn(8) ? chance.within(1...buffer.count) : buffer.count
            let count = try opened.readSome(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            trace.note("read", file.path, position, count)
            return count
        }
    }
}

extension SimulatedDisk.Node {
    /// Writes the first `count` bytes of two runs of bytes.
    mutating func write(
        _ count: Int, of head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) {
        let end = position + count
        if current.count < end { current.append(contentsOf: repeatElement(0, count: end - current.count)) }
        current.withUnsafeMutableBytes { bytes in
            for (part, start) in [(head, 0), (body, head.count)] {
                let length = min(part.count, max(0, count - start))
                if length == 0 { continue }
                UnsafeMutableRawBufferPointer(
                    rebasing: bytes[(position + start)..<(position + start + length)]
                ).copyMemory(from: UnsafeRawBufferPointer(rebasing: part[..<length]))
            }
        }
        dirtyFrom = min(dirtyFrom ?? position, position)
    }

    mutating func truncate(to size: Int) {
        guard size < current.count else { return }
        current.removeSubrange(size...)
        dirtyFrom = min(dirtyFrom ?? size, size)
    }
}

extension PosixFile {
    /// Writes the first `count` bytes of two runs of bytes.
    fileprivate func write(
        prefix count: Int, of head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
    ) throws(LogError) {
        let ofHead = min(count, head.count)
        try write(
            UnsafeRawBufferPointer(rebasing: head[..<ofHead]),
            UnsafeRawBufferPointer(rebasing: body[..<(count - ofHead)]), at: position)
    }
}
