import Foundation
import MoldauRecords
import MoldauWire

/// Sends a server of this project the recorded requests to a real broker, and compares the answers.
final class FlowReplay {
    private let flow: Flow
    private let port: Int
    private let values = FlowValues()
    private var sockets: [Int: ClientSocket] = [:]
    private(set) var differences: [String] = []

    /// Runs a broker's periodic work.
    private let lookAfter: () -> Void

    init(_ flow: Flow, port: Int, lookAfter: @escaping () -> Void) {
        (self.flow, self.port, self.lookAfter) = (flow, port, lookAfter)
    }

    /// Runs the conversation.
    func run() {
        var now = 0
        for (place, frame) in flow.frames.enumerated() {
            do {
                switch frame.direction {
                case .request:
                    // Transactions and members may time out meanwhile.
                    if frame.timeMs - now >= 2_000 {
                        usleep(useconds_t(min(frame.timeMs - now, 6_000) * 1_000))
                        lookAfter()
                    }
                    try send(frame)
                    // Requests of several connections are handled in the order of the recording: the next one waits as
                    // long as it did there, so that a busy machine has time to handle this one.
                    if place + 1 < flow.frames.count, flow.frames[place + 1].direction == .request {
                        usleep(useconds_t(min(max(flow.frames[place + 1].timeMs - frame.timeMs, 3), 300) * 1_000))
                    }
                case .response: try receive(frame, after: frame.timeMs - now)
                case .close: sockets[frame.connection] = nil
                }
            } catch {
                note(frame, "\(error)")
                if differences.count > 20 || error is ClientSocket.Failure { return }
            }
            now = frame.timeMs
        }
    }

    private func note(_ frame: Flow.Frame, _ difference: String) {
        let api = ApiKey(rawValue: frame.api)?.name ?? "API \(frame.api)"
        differences.append("\(flow.name) frame \(frame.number), \(api) \(frame.version): \(difference)")
    }

    private func send(_ frame: Flow.Frame) throws {
        if sockets[frame.connection] == nil { sockets[frame.connection] = try ClientSocket(port: port) }
        var body = frame.body
        if let api = ApiKey(rawValue: frame.api), api.versions.contains(frame.version) {
            body = (try? substituted(api.request, frame)) ?? frame.body
        }
        do {
            try sockets[frame.connection]?.send(frame: frame.header + body)
        } catch {
            // The broker has closed the connection; the recording shows that later.
        }
    }

    private func substituted<Request: WireRequest>(_: Request.Type, _ frame: Flow.Frame) throws -> [UInt8] {
        var request = try Request(decoding: WireBytes(copying: frame.body), version: frame.version)
        try request.visit(FlowSubstitution(values), version: frame.version)
        // A fetch that found records waits for them: in one recording they arrived 11 ms before it timed out.
        if var fetch = request as? FetchRequest, findsRecords(frame) {
            fetch.maxWaitMs = max(fetch.maxWaitMs, 4_000)
            request = fetch as? Request ?? request
        }
        var writer = ByteWriter()
        _ = try request.encode(into: &writer, version: frame.version)
        return Array(writer.bytes)
    }

    /// Whether the recorded answer to a fetch has records.
    private func findsRecords(_ fetch: Flow.Frame) -> Bool {
        let answer = flow.frames.first {
            $0.direction == .response && $0.connection == fetch.connection && $0.correlation == fetch.correlation
                && $0.number > fetch.number
        }
        guard let answer,
            let told = try? FetchResponse(decoding: WireBytes(copying: answer.body), version: fetch.version)
        else { return false }
        return told.responses.contains { $0.partitions.contains { $0.records.byteCount > 0 } }
    }

    private func receive(_ frame: Flow.Frame, after ms: Int) throws {
        guard let socket = sockets[frame.connection] else { return }
        let bytes = try socket.receive(timeout: .milliseconds(ms + 5_000))
        guard let api = ApiKey(rawValue: frame.api) else { return }
        try compare(api.response, api, frame, bytes)
    }

    private func compare<Response: WireMessage>(
        _: Response.Type, _ api: ApiKey, _ frame: Flow.Frame, _ bytes: [UInt8]
    ) throws {
        var body = WireBytes()
        let isKnown = api.versions.contains(frame.version)
        let version = isKnown ? frame.version : 0
        let header = try ResponseHeader(of: WireBytes(copying: bytes), api, version: version, body: &body)
        if header.correlationID != frame.correlation {
            note(frame, "answers \(header.correlationID), recorded \(frame.correlation)")
        }
        let own = try Response(decoding: body, version: version).values(version: version)
        let recorded = try Response(decoding: WireBytes(copying: frame.body), version: version).values(version: version)
        values.learn(
            FlowExcuse.cleaned(FlowComparison.ordered(recorded), api, own: own),
            FlowExcuse.cleaned(FlowComparison.ordered(own), api, own: own))
        let comparison = FlowComparison(api, recorded: values.mapped(recorded), own: own)
        for difference in comparison.differences { note(frame, difference) }
    }
}
