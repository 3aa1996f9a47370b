import MoldauRecords

extension SimulatedDisk {
    func losePages(_ state: inout State) {
        loseNames(&state)
        var kept: [Int: Node] = [:]
        for (path, number) in state.durable.files.sorted(on: \.key) {
            guard kept[number] == nil, var node = state.nodes[number] else { continue }
            loseBytes(&node)
            kept[number] = node
            trace.note("kept", path, node.durable.count)
        }
        state.nodes = kept
        state.current = state.durable
        state.unsyncedNames = [:]
    }

    private func loseNames(_ state: inout State) {
        for (_, changes) in state.unsyncedNames.sorted(on: \.key) {
            // A journaling file system keeps the order; POSIX does not promise it.
            let keepsOrder = !chance.oneIn(3)
            let kept = chance.below(changes.count + 1)
            for (index, change) in changes.enumerated() where keepsOrder ? index < kept : chance.oneIn(2) {
                state.durable.apply(change)
            }
        }
        let directories = state.durable.directories
        func isThere(_ directory: String) -> Bool {
            directory.isEmpty || directories.contains(directory) && isThere(Self.parent(directory))
        }
        state.durable.directories = directories.filter(isThere)
        state.durable.files = state.durable.files.filter { isThere(Self.parent($0.key)) }
    }

    /// Reduces the file to the content that is on disk.
    func loseBytes(_ node: inout Node) {
        defer {
            node.current = node.durable
            node.dirtyFrom = nil
        }
        guard let from = node.dirtyFrom, !chance.oneIn(4) else {
            if node.dirtyFrom != nil { node.durable = node.current }
            return
        }
        if chance.oneIn(3) { return }
        let (old, new) = (node.durable, node.current)
        let sizes = [old.count, new.count].sorted()
        let size = chance.oneIn(2) ? new.count : chance.within(sizes[0]...sizes[1])
        var bytes = Array(old.prefix(size))
        bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
        for sector in (from / sectorBytes)..<max(from / sectorBytes, (size + sectorBytes - 1) / sectorBytes) {
            let range = (sector * sectorBytes)..<min((sector + 1) * sectorBytes, size)
            switch chance.below(4) {
            case 0, 1: for place in range where place < new.count { bytes[place] = new[place] }
            // The previous content of the disk, if the file had no bytes there yet.
            case 2 where range.lowerBound >= old.count:
                for place in range { bytes[place] = UInt8(truncatingIfNeeded: chance.below(256)) }
            default: break
            }
        }
        node.durable = bytes
    }
}
