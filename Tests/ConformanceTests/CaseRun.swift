import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology

/// Runs one case and tells the first difference from what Kafka Streams did.
struct CaseRun {
    enum Outcome {
        case passed
        case failed(String)
        case unsupported(String)
    }

    let conformanceCase: ConformanceCase
    let storeKind: StoreKind

    func outcome() -> Outcome {
        do {
            return try difference().map { .failed($0) } ?? .passed
        } catch let error as Unsupported {
            return .unsupported(error.what)
        } catch {
            return .failed("threw \(error)")
        }
    }

    /// Cases whose results hang on what a cache of Kafka Streams happens to hold.
    private static let accidents = [
        "fuzz composed o88": "a value that the store refused is found in the record cache above it"
    ]

    private func difference() throws -> String? {
        if let accident = Self.accidents[conformanceCase.name] { throw Unsupported(what: accident) }
        if let error = conformanceCase.error, let phase = conformanceCase.errorPhase, phase != "input" {
            return try refusalDifference(error, in: phase)
        }
        let options = try self.options()
        var built: CaseTopology?
        let topology = try Topology(options) { streams in
            let steps = CaseTopology(streams, isUncached: options.emission == .everyChange)
            built = steps
            try steps.add(conformanceCase.topology)
        }
        guard let built else { return "nothing was built" }
        if let expected = conformanceCase.describe, let found = differs(expected, "\(topology.describe())") {
            return found
        }
        let driver = try TopologyTestDriver(
            topology, state: storeKind == .rocksDB ? .temporaryDirectory : .memory,
            wallClock: Timestamp(ms: conformanceCase.config?["wallClock"]?.integer ?? 0))
        defer { try? driver.close() }
        for (index, input) in (conformanceCase.inputs ?? []).enumerated() {
            built.captured.begin(input: index)
            do { try pipe(input, into: driver, built) } catch  where conformanceCase.error != nil {
                return outputDifference(built) ?? failureDifference(error, at: index)
            }
        }
        if let error = conformanceCase.error {
            if error.text?.contains("segment interval has changed") == true {
                throw Unsupported(what: "the recorded run crashed")
            }
            return "nothing failed; expected \(error)"
        }
        return try outputDifference(built) ?? storeDifference(driver, built) ?? versionDifference(driver, built)
            ?? dropDifference(driver)
    }

    /// Where Kafka Streams refuses a topology, so must Moldau, in words of its own.
    private func refusalDifference(_ expected: JSONValue, in phase: String) throws -> String? {
        guard ["step", "build"].contains(phase) else { throw Unsupported(what: "an error in \(phase)") }
        let options = try self.options()
        do {
            _ = try Topology(options) { streams in
                try CaseTopology(streams, isUncached: options.emission == .everyChange).add(conformanceCase.topology)
            }
        } catch is TopologyError { return nil }
        return "the topology is accepted; expected \(expected)"
    }

    /// Where a record stops Kafka Streams, so must it stop Moldau.
    private func failureDifference(_ error: any Error, at index: Int) -> String? {
        let text = conformanceCase.error?.text ?? ""
        guard index == Int(conformanceCase.errorAfter ?? -1) else { return "input \(index) failed: \(error)" }
        guard case SuppressionError.full(_, let records, let maxRecords, let bytes, let maxBytes) = error,
            text.contains("[\(records)/\(maxRecords)] records and [\(bytes)/\(maxBytes)] bytes")
        else { return "input \(index) failed with \(error); expected \(text)" }
        return nil
    }

    private func options() throws -> TopologyOptions {
        var options = TopologyOptions(naming: .kafkaStreams, emission: .lastPerCommit(), storeKind: storeKind)
        options.windowMemory = .kafkaStreams
        for (name, value) in conformanceCase.config ?? [:] {
            switch (name, value) {
            case ("statestore.cache.max.bytes", .text("0")), ("statestore.cache.max.bytes", .integer(0)):
                options.emission = .everyChange
            case ("topology.optimization", .text(let text)): options.optimizations = try optimizations(text)
            case ("wallClock", _): break
            default: throw Unsupported(what: "setting \(name) = \(value)")
            }
        }
        return options
    }

    private func optimizations(_ text: String) throws -> Set<TopologyOptimization> {
        if text == "none" { return [] }
        if text == "all" { return Set(TopologyOptimization.allCases) }
        return try text.split(separator: ",").reduce(into: []) { chosen, name in
            switch name {
            case "single.store.self.join": chosen.insert(.singleStoreSelfJoin)
            case "merge.repartition.topics": chosen.insert(.mergeRepartitionTopics)
            case "reuse.ktable.source.topics": break  // Saves changelogs, which nothing here shows.
            default: throw Unsupported(what: "optimization \(name)")
            }
        }
    }

    private func pipe(_ input: JSONValue, into driver: TopologyTestDriver, _ built: CaseTopology) throws {
        if let ms = input["advance"]?.integer { return try driver.advanceWallClock(by: .milliseconds(ms)) }
        guard let topic = input["topic"]?.text, let kinds = built.topics[topic] else {
            throw Unsupported(what: "an input without a known topic")
        }
        let headers = Headers(
            (input["headers"]?.list ?? []).compactMap { pair in
                pair.list.flatMap { $0.count == 2 ? Header($0[0].text ?? "", $0[1].text ?? "") : nil }
            })
        try driver.pipe(
            Topic(topic, key: kinds.key.serde, value: kinds.value.serde),
            key: kinds.key.datum(input["key"] ?? .null).row,
            value: kinds.value.datum(input["value"] ?? .null).row, at: Timestamp(ms: input["ts"]?.integer ?? 0),
            headers: headers)
    }

    private func outputDifference(_ built: CaseTopology) -> String? {
        let (rows, expected) = (built.captured.rows, conformanceCase.expected ?? [])
        for (index, json) in expected.enumerated() {
            guard index < rows.count else { return "output \(index) is missing; expected \(json)" }
            let row = rows[index]
            let isEqual =
                row.capture == json["from"]?.text && row.key.matches(json["key"] ?? .null)
                && row.value.matches(json["value"] ?? .null) && row.timestamp.ms == json["ts"]?.integer
                && row.after == Int(json["after"]?.integer ?? -1) && headersMatch(row.headers, json["headers"])
            if !isEqual { return "output \(index) is \(row); expected \(json)" }
        }
        return rows.count > expected.count ? "output \(expected.count) is not expected: \(rows[expected.count])" : nil
    }

    private func headersMatch(_ headers: Headers, _ json: JSONValue?) -> Bool {
        let expected = json?.list ?? []
        return headers.count == expected.count
            && zip(headers, expected).allSatisfy { header, pair in
                let parts = pair.list ?? []
                return parts.count == 2 && header.name == parts[0].text
                    && header.value.map { String(decoding: $0, as: UTF8.self) } == parts[1].text
            }
    }

    private func storeDifference(_ driver: TopologyTestDriver, _ built: CaseTopology) throws -> String? {
        for (name, expected) in (conformanceCase.stores ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let rows = try subscriptionRows(driver, store: name) {
                guard rows == expected else { return "store \(name) has \(rows); expected \(expected)" }
                continue
            }
            guard let kinds = built.storeKinds[name] else {
                if let found = try built.windowStoreDifference(name, expected, driver) { return found }
                continue
            }
            let store = try driver.timestampedStore(
                KeyValueStoreName(name, key: kinds.key.serde, value: kinds.value.serde))
            let rows = try store.all().collect()
            for (row, json) in zip(rows, expected) {
                guard json.count == 3, row.key.matches(json[0]), row.value.value.matches(json[1]),
                    row.value.timestamp.ms == json[2].integer
                else { return "store \(name) has \(row); expected \(json)" }
            }
            if rows.count != expected.count {
                return "store \(name) has \(rows.count) rows; expected \(expected.count)"
            }
        }
        return nil
    }

    private func versionDifference(_ driver: TopologyTestDriver, _ built: CaseTopology) throws -> String? {
        for lookup in conformanceCase.versionedGets ?? [] {
            guard let fields = lookup.list, fields.count >= 4, let name = fields[0].text,
                let kinds = built.storeKinds[name]
            else { return "a versioned look-up that cannot be read: \(lookup)" }
            let store = try driver.versionedStore(
                KeyValueStoreName(name, key: kinds.key.serde, value: kinds.value.serde))
            let key = kinds.key.datum(fields[1])
            let found =
                if let time = fields[2].integer { try store.get(key, asOf: Timestamp(ms: time)) } else {
                    try store.get(key)
                }
            let isEqual =
                if fields.count == 4 { found == nil } else {
                    // Kafka Streams' typed store leaves the end of a version out.
                    found.map { $0.value.matches(fields[3]) && $0.timestamp.ms == fields[4].integer } ?? false
                }
            if !isEqual { return "a look-up found \(String(describing: found)); expected \(lookup)" }
        }
        return nil
    }

    private func dropDifference(_ driver: TopologyTestDriver) -> String? {
        guard let expected = conformanceCase.droppedRecords, expected != driver.kafkaDroppedRecords else { return nil }
        // The cases were recorded with stores on disk, which still take some records that stores in memory refuse.
        let expired = driver.drops.reduce(0) { $0 + ($1.key.reason == .expired ? $1.value : 0) }
        if storeKind == .inMemory,
            (driver.kafkaDroppedRecords - expired..<driver.kafkaDroppedRecords).contains(expected)
        {
            return nil
        }
        return "dropped \(driver.kafkaDroppedRecords) records; expected \(expected): \(driver.drops)"
    }

    private func differs(_ expected: String, _ found: String) -> String? {
        let (wanted, lines) = (expected.split(separator: "\n"), found.split(separator: "\n"))
        for (index, line) in wanted.enumerated() where index >= lines.count || lines[index] != line {
            return "describe line \(index) is '\(index < lines.count ? lines[index] : "")'; expected '\(line)'"
        }
        return lines.count > wanted.count ? "describe goes on with '\(lines[wanted.count])'" : nil
    }
}
