import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology

/// Runs one case and reports the first difference from Kafka Streams' results.
struct CaseRun {
    enum Outcome {
        case passed
        /// The result is as intended, which differs from Kafka Streams'.
        case different(why: String)
        /// Something that Kafka Streams refuses cannot be written here.
        case impossible(why: String)
        case failed(String)
        case unsupported(String)
    }

    let conformanceCase: ConformanceCase
    let options: CaseOptions
    let difference: CaseDifference?
    private var rule: CaseRule?
    /// As long as that of the recorded runs: it is part of topic names, whose bytes a suppression counts.
    private static let applicationID = "app"
    var storeKind: StoreKind { options.storeKind }

    /// - Parameter recorded: the case as it is in its file.
    init(_ recorded: ConformanceCase, options: CaseOptions, difference: CaseDifference?) {
        conformanceCase = difference?.applied(to: recorded) ?? recorded
        self.options = options
        self.difference = difference
        rule = difference == nil ? CaseRule(recorded) : nil
    }

    func outcome() -> Outcome {
        do {
            let refusal = rule?.succeeds == true ? nil : try CaseRefusal(conformanceCase)
            if case .emptyJoinWindow? = rule {
                var strict = self
                strict.rule = nil
                if try strict.firstDifference(refusal) == nil { return .passed }
            }
            if let why = refusal?.impossibility { return .impossible(why: why) }
            if let found = try firstDifference(refusal) { return .failed(found) }
            return (difference?.why ?? rule?.why).map { .different(why: $0) } ?? .passed
        } catch let error as Unsupported {
            return .unsupported(error.what)
        } catch let error as RefusedStep {
            return .failed("step \(error.index) is refused: \(error.error)")
        } catch {
            return .failed("threw \(error)")
        }
    }

    private func firstDifference(_ refusal: CaseRefusal?) throws -> String? {
        let settings = try options.topologyOptions(of: conformanceCase)
        var built: CaseTopology?
        let topology: Topology
        do {
            topology = try Topology(settings) { streams in
                let steps = CaseTopology(
                    streams, isUncached: settings.emission == .everyChange, asksForStores: refusal?.phase == .start)
                built = steps
                try steps.add(conformanceCase.topology)
            }
        } catch let step as RefusedStep where refusal != nil {
            return refusal?.difference(step.error, in: .step, at: step.index)
        } catch let error as TopologyError where refusal != nil {
            return refusal?.difference(error, in: .build)
        }
        guard let built else { return "nothing was built" }
        if let expected = conformanceCase.describe, let found = differs(expected, "\(topology.describe())") {
            return found
        }
        let driver: TopologyTestDriver
        do {
            driver = try TopologyTestDriver(
                topology, applicationID: Self.applicationID,
                state: storeKind == .rocksDB ? .temporaryDirectory : .memory,
                wallClock: Timestamp(ms: conformanceCase.config?["wallClock"]?.integer ?? 0))
        } catch  where refusal != nil { return refusal?.difference(error, in: .start) }
        driver.writesStoresAtCommit = options.writesStoresAtCommit
        defer { try? driver.close() }
        for (index, input) in (conformanceCase.inputs ?? []).enumerated() {
            built.captured.begin(input: index)
            do { try pipe(input, into: driver, built) } catch  where refusal != nil {
                return outputDifference(built) ?? refusal?.difference(error, in: .input, at: index)
            }
        }
        if let refusal { return "nothing failed; expected \(refusal.text)" }
        switch rule {
        case .recordedCrash, .emptyJoinWindow: return outputDifference(built)
        default: break
        }
        return try outputDifference(built) ?? storeDifference(driver, built) ?? versionDifference(driver, built)
            ?? dropDifference(driver)
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
        var (rows, expected) = (built.captured.rows, conformanceCase.expected ?? [])
        if let rule { (rows, expected) = rule.compared(rows, expected, isEqual: isEqual) }
        for (index, json) in expected.enumerated() {
            guard index < rows.count else { return "output \(index) is missing; expected \(json)" }
            if !isEqual(rows[index], json) { return "output \(index) is \(rows[index]); expected \(json)" }
        }
        return rows.count > expected.count ? "output \(expected.count) is not expected: \(rows[expected.count])" : nil
    }

    private func isEqual(_ row: Captured.Row, _ json: JSONValue) -> Bool {
        row.capture == json["from"]?.text && row.key.matches(json["key"] ?? .null)
            && row.value.matches(json["value"] ?? .null) && row.timestamp.ms == json["ts"]?.integer
            && row.after == Int(json["after"]?.integer ?? -1) && headersMatch(row.headers, json["headers"])
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
            let store = try driver.store(
                TableStoreName(name, key: kinds.key.serde, value: kinds.value.serde))
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
            // The table determines how far back it reaches.
            let store = try driver.store(
                VersionedStoreName(
                    name, key: kinds.key.serde, value: kinds.value.serde, historyRetention: .zero))
            let key = kinds.key.datum(fields[1])
            let found =
                if let time = fields[2].integer { try store.get(key, asOf: Timestamp(ms: time)) } else {
                    try store.get(key)
                }
            let isEqual =
                if fields.count == 4 { found == nil } else {
                    // Kafka Streams' typed store does not tell the end of a version.
                    found.map { $0.value.matches(fields[3]) && $0.timestamp.ms == fields[4].integer } ?? false
                }
            if !isEqual { return "a look-up found \(String(describing: found)); expected \(lookup)" }
        }
        return nil
    }

    private func dropDifference(_ driver: TopologyTestDriver) -> String? {
        guard let expected = conformanceCase.droppedRecords, expected != driver.kafkaDroppedRecords else { return nil }
        let expired = driver.drops.reduce(0) { $0 + ($1.key.reason == .expired ? $1.value : 0) }
        let range = driver.kafkaDroppedRecords - expired..<driver.kafkaDroppedRecords
        if storeKind == .inMemory, range.contains(expected) { return nil }
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
