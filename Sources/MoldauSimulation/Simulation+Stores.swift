import MoldauRuntime
import MoldauState
import MoldauTopology

extension Simulation {
    /// Stores that are made anew of their changelogs hold what those on disk hold.
    func checkRestored(_ process: SimulatedProcess) throws {
        let anew = state.anew()
        do {
            let thread = try StreamThread(process.plan(on: anew), now: clock.round)
            for _ in 0..<500 where thread.phase == .restoring { try thread.runOnce(now: clock.round, wait: .zero) }
            try thread.stop(now: clock.round)
        } catch {
            return complain("restoring failed: \(error)")
        }
        let (restored, kept) = (try anew.images(), try state.images())
        for (task, directory, isCopy) in process.directories {
            for (store, made) in restored where store.hasPrefix("\(task)/") {
                let image = kept[directory + store.dropFirst("\(task)".count)] ?? StoreImage()
                // What is made anew has dropped nothing that a store in use still holds.
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

    /// Whether what the store holds goes with time.
    private func isWindowed(_ path: String) -> Bool {
        topology.stores.contains { $0.windowRetention != nil && path.hasSuffix("/\($0.name)") }
    }

    /// Windows that are over go when a store gets to it: one may hold what another holds no more.
    func isSame(_ store: String, _ left: StoreImage, _ right: StoreImage) -> Bool {
        guard isWindowed(store) else { return left == right }
        return left.entries.allSatisfy { (right.entries[$0.key] ?? $0.value) == $0.value }
    }

    func compare(_ now: [String: StoreImage], _ before: [String: StoreImage]) {
        for (store, image) in before.sorted(by: { $0.key < $1.key }) {
            let held = now[store] ?? StoreImage()
            if !isSame(store, held, image) { complain("a restart changed what \(store) holds") }
        }
    }

    /// What the stores of tasks hold, wherever they lie; without copies.
    func heldImages(_ process: SimulatedProcess) throws -> [String: StoreImage] {
        // What is in memory leaves what was on disk before.
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

    /// Each thread has the last row of each key, and no other.
    func checkGlobalTables(_ process: SimulatedProcess, _ inputs: [String: [ReadRecord]]) throws {
        guard scenario.workload == .globalJoin, let rows = inputs[Workload.globalTopic] else { return }
        let expected = rows.valuesByKey.compactMapValues(\.last)
        let images = try state.images()
        for number in process.numbers {
            guard let image = images["global_\(number)/\(Workload.globalTopic)"] else { continue }
            var held: [String: String] = [:]
            // Behind the timestamp.
            for (key, value) in image.entries {
                held[String(decoding: key, as: UTF8.self)] = String(decoding: value.dropFirst(8), as: UTF8.self)
            }
            if held == expected { continue }
            let difference = Set(held.map { "\($0)=\($1)" }).symmetricDifference(expected.map { "\($0)=\($1)" })
            complain("the global table of thread \(number) and its topic differ in \(difference.sorted().prefix(4))")
        }
    }
}
