import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

extension Simulation {
    /// Checks that stores rebuilt from their changelogs have the same content as those on disk.
    func checkRestored(_ process: SimulatedProcess) throws {
        let empty = state.emptied()
        do {
            let thread = try StreamThread(process.plan(on: empty), now: clock.round)
            for _ in 0..<50_000 where thread.phase == .restoring { try thread.runOnce(now: clock.round, wait: .zero) }
            let isRestored = thread.phase != .restoring
            try thread.stop(now: clock.round)
            if !isRestored { return complain("restoring never ends") }
        } catch {
            return complain("restoring failed: \(error)")
        }
        let (restored, kept) = (try empty.images(), try state.images())
        for (task, directory, isCopy) in process.directories {
            for (store, made) in restored where store.hasPrefix("\(task)/") {
                let image = kept[directory + store.dropFirst("\(task)".count)] ?? StoreImage()
                // A rebuilt store has deleted nothing that a store in use still has.
                let isRight =
                    isWindowed(store)
                    ? image.entries.allSatisfy { made.entries[$0.key] == $0.value } : image == made
                if isRight { continue }
                complain(
                    "\(isCopy ? "the copy of " : "")\(store) holds \(image.entries.count) entries, "
                        + "its changelog makes \(made.entries.count)")
            }
        }
    }

    /// Whether the store's entries expire.
    private func isWindowed(_ path: String) -> Bool { retention(ofStore: path) != nil }

    private func retention(ofStore path: String) -> Duration? {
        topology.stores.first { path.hasSuffix("/\($0.name)") }?.windowRetention
    }

    /// Expired windows are deleted lazily: one store may have windows that another has deleted. And a restore skips
    /// them, so that an older value may remain, which no reader can get.
    func isSame(_ store: String, _ left: StoreImage, _ right: StoreImage) -> Bool {
        guard let retention = retention(ofStore: store) else { return left == right }
        return left.entries.allSatisfy { key, value in
            left.metadata.hasExpired(key, after: retention) || (right.entries[key] ?? value) == value
        }
    }

    func compare(_ now: [String: StoreImage], _ before: [String: StoreImage]) {
        for (store, image) in before.sorted(on: \.key) {
            let held = now[store] ?? StoreImage()
            if !isSame(store, held, image) { complain("a restart changed what \(store) holds") }
        }
    }

    /// The content of the tasks' stores, wherever they are; without copies.
    func heldImages(_ process: SimulatedProcess) throws -> [String: StoreImage] {
        // With stores in memory, the content on disk is outdated.
        if forms.current.isInMemory { return [:] }
        let stored = try state.images()
        var images: [String: StoreImage] = [:]
        for (task, directory, isCopy) in process.directories where !isCopy {
            for (store, image) in stored where store.hasPrefix("\(directory)/") {
                images["\(task)" + store.dropFirst(directory.count)] = image
            }
        }
        return images
    }

    /// Checks that each thread has exactly the last row of each key.
    func checkGlobalTables(_ process: SimulatedProcess, _ inputs: [String: [ReadRecord]]) throws {
        guard scenario.workload == .globalJoin, let rows = inputs[Workload.globalTopic] else { return }
        let expected = rows.valuesByKey.compactMapValues(\.last)
        let images = try state.images()
        for number in process.numbers {
            guard let image = images["global_\(number)/\(Workload.globalTopic)"] else { continue }
            var held: [String: String] = [:]
            // The value without its timestamp.
            for (key, value) in image.entries {
                held[String(decoding: key, as: UTF8.self)] = String(decoding: value.dropFirst(8), as: UTF8.self)
            }
            if held == expected { continue }
            let difference = Set(held.map { "\($0)=\($1)" }).symmetricDifference(expected.map { "\($0)=\($1)" })
            complain("the global table of thread \(number) and its topic differ in \(difference.sorted().prefix(4))")
        }
    }
}

extension StoreMetadata {
    /// Whether the row of that key in a store of windows has expired, so that no reader can get it.
    func hasExpired(_ key: [UInt8], after retention: Duration) -> Bool {
        let bucket: Int64 = key.withUnsafeBytes { $0.bigEndian(at: 0) }
        return (bucket + 1) * (bucketMs ?? 1) <= streamTime - retention.milliseconds
    }
}
