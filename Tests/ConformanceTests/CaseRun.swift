import Moldau
import MoldauRecords
import MoldauState
import MoldauTopology

/// Runs one case and reports the first difference from Kafka Streams' results.
struct CaseRun {
    enum Outcome {
        case passed
        /// What it tests exists only under the test driver.
        case onlyUnderDriver(why: String)
        /// What can be compared on a cluster is equal.
        case passedInPart(why: String)
        /// Refused as by Kafka Streams, before there is anything to run.
        case refused
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
    /// The captures whose outputs were not compared.
    private var leftOut: Set<String>?

    /// - Parameter recorded: the case as it is in its file.
    init(_ recorded: ConformanceCase, options: CaseOptions, difference: CaseDifference?) {
        conformanceCase = difference?.applied(to: recorded) ?? recorded
        self.options = options
        self.difference = difference
        rule = difference == nil ? CaseRule(recorded) : nil
    }

    mutating func outcome() -> Outcome {
        do {
            let refusal = rule?.succeeds == true ? nil : try CaseRefusal(conformanceCase)
            if case .emptyJoinWindow? = rule {
                var strict = self
                strict.rule = nil
                if try strict.firstDifference(refusal) == nil, strict.leftOut == nil { return .passed }
            }
            if options.cluster != nil, let refusal, refusal.isOfDriver {
                return .onlyUnderDriver(why: "the test driver refuses times before 1970, a producer does not")
            }
            if let why = refusal?.impossibility { return .impossible(why: why) }
            if let found = try firstDifference(refusal) { return .failed(found) }
            if let refusal, refusal.isBeforeStart { return .refused }
            if let leftOut {
                return .passedInPart(
                    why: "the test driver has one stream time for all parts of the topology, on a cluster each has its "
                        + "own: punctuations come at other times, and \(leftOut.sorted()) and the stores are not compared"
                )
            }
            return (difference?.why ?? rule?.why).map { .different(why: $0) } ?? .passed
        } catch let error as Unsupported {
            return .unsupported(error.what)
        } catch let error as RefusedStep {
            return .failed("step \(error.index) is refused: \(error.error)")
        } catch {
            return .failed("threw \(error)")
        }
    }

    private mutating func firstDifference(_ refusal: CaseRefusal?) throws -> String? {
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
        built.hasSeveralParts = topology.subtopologies.count > 1
        if let expected = conformanceCase.describe, let found = differs(expected, "\(topology.describe())") {
            return found
        }
        let place: any CasePlace
        do {
            place = try options.open(
                topology, wallClock: Timestamp(ms: conformanceCase.config?["wallClock"]?.integer ?? 0))
        } catch  where refusal != nil { return refusal?.difference(error, in: .start) }
        defer { try? place.close() }
        for (index, input) in (conformanceCase.inputs ?? []).enumerated() {
            built.captured.begin(input: index)
            do { try pipe(input, into: place, built) } catch  where refusal != nil {
                return outputDifference(built) ?? refusal?.difference(error, in: .input, at: index)
            }
        }
        if let refusal { return "nothing failed; expected \(refusal.text)" }
        var found = outputDifference(built)
        switch rule {
        case .recordedCrash, .emptyJoinWindow: break
        default:
            let stores = CaseStoreCheck(conformanceCase, built)
            found = try found ?? place.read { try stores.difference($0) } ?? dropDifference(place)
        }
        try place.close()
        guard found != nil, options.cluster != nil, built.hasSeveralParts,
            let captures = conformanceCase.capturesBelowStreamTime
        else { return found }
        leftOut = captures
        return outputDifference(built)
    }

    private func pipe(_ input: JSONValue, into place: any CasePlace, _ built: CaseTopology) throws {
        if let ms = input["advance"]?.integer { return try place.advanceWallClock(by: .milliseconds(ms)) }
        guard let topic = input["topic"]?.text, let kinds = built.topics[topic] else {
            throw Unsupported(what: "an input without a known topic")
        }
        let headers = Headers(
            (input["headers"]?.list ?? []).compactMap { pair in
                pair.list.flatMap { $0.count == 2 ? Header($0[0].text ?? "", $0[1].text ?? "") : nil }
            })
        try place.pipe(
            topic: topic, key: try kinds.key.bytes(input["key"]), value: try kinds.value.bytes(input["value"]),
            at: Timestamp(ms: input["ts"]?.integer ?? 0), headers: headers)
    }

    private func outputDifference(_ built: CaseTopology) -> String? {
        var (rows, expected) = (built.captured.rows, conformanceCase.expected ?? [])
        if options.cluster != nil, built.hasSeveralParts {
            // The parts run concurrently.
            rows = rows.sortedStably { $0.place }
            expected = expected.sortedStably { $0.place }
            if let leftOut {
                rows.removeAll { leftOut.contains($0.capture) }
                expected.removeAll { leftOut.contains($0.place.capture) }
            }
        }
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

    private func dropDifference(_ place: any CasePlace) -> String? {
        let (drops, count) = (place.drops, place.kafkaDroppedRecords)
        guard let expected = conformanceCase.droppedRecords, expected != count else { return nil }
        let expired = drops.reduce(0) { $0 + ($1.key.reason == .expired ? $1.value : 0) }
        if options.storeKind == .inMemory, (count - expired..<count).contains(expected) { return nil }
        return "dropped \(count) records; expected \(expected): \(drops)"
    }

    private func differs(_ expected: String, _ found: String) -> String? {
        let (wanted, lines) = (expected.split(separator: "\n"), found.split(separator: "\n"))
        for (index, line) in wanted.enumerated() where index >= lines.count || lines[index] != line {
            return "describe line \(index) is '\(index < lines.count ? lines[index] : "")'; expected '\(line)'"
        }
        return lines.count > wanted.count ? "describe continues with '\(lines[wanted.count])'" : nil
    }
}
