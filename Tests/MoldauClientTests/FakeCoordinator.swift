import Dispatch
import MoldauRecords
import MoldauWire
import Synchronization

@testable import MoldauClient

/// A cluster of one broker without sockets. It accepts all records, and coordinates the transactions of one producer as
/// Kafka does from 2.5 on: a producer that requests an epoch during its own transaction is fenced by that.
final class FakeCoordinator: ClientWorld {
    enum Fault {
        /// The answer is delayed.
        case late(Duration)
        /// The request is executed, and the connection ends before the answer.
        case unanswered
        case refused(ErrorCode)
    }

    private enum Status { case empty, ongoing, aborted, committed }

    private struct State {
        var status = Status.empty
        var epoch: Int16 = -1
        var seen: [(api: ApiKey, maxVersion: Int16)] = []
        var faults: [ApiKey: Fault] = [:]
        var deaf: Set<ApiKey> = []
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "fake coordinator")
    private let start = ContinuousClock.now
    private let address = BrokerAddress(host: "b", port: 1)

    var client: ClientOptions {
        var options = ClientOptions(bootstrapServers: [address])
        options.retryBackoff = .milliseconds(5)
        options.retryBackoffMax = .milliseconds(20)
        return options
    }

    // MARK: Controls for tests

    /// Applies the fault to the next request of the API.
    func fail(_ api: ApiKey, _ fault: Fault) { state.withLock { $0.faults[api] = fault } }

    /// Drops requests of the API, or no longer drops them.
    func ignore(_ api: ApiKey, _ isIgnored: Bool) {
        state.withLock { state in
            if isIgnored { state.deaf.insert(api) } else { state.deaf.remove(api) }
        }
    }

    /// The requests that have arrived, in their order, and the highest version in which each might be sent.
    var seen: [(api: ApiKey, maxVersion: Int16)] { state.withLock(\.seen) }

    /// Waits until a request of the API has arrived.
    func arrival(of api: ApiKey) async throws {
        while !seen.contains(where: { $0.api == api }) { try await sleep(.milliseconds(1)) }
    }

    // MARK: World

    var now: Duration { ContinuousClock.now - start }
    var time: Timestamp { Timestamp(ms: 1) }
    func chance() -> Double { 0.5 }
    func perform(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }
    func perform(after delay: Duration, _ body: @escaping @Sendable () -> Void) {
        queue.asyncAfter(deadline: .now() + .microseconds(Int(delay / .microseconds(1))), execute: body)
    }
    func connect(to address: BrokerAddress) -> any BrokerLink { Link(self) }

    private final class Link: BrokerLink {
        private let cluster: FakeCoordinator
        init(_ cluster: FakeCoordinator) { self.cluster = cluster }
        var isOpen: Bool { true }
        var wasReady: Bool { true }
        func close() {}

        func send<Request: WireRequest>(
            _ request: Request, maxVersion: Int16, timeout: Duration,
            then answer: @escaping @Sendable (Result<Request.Response, ClientError>) -> Void
        ) {
            let (response, delay) = cluster.take(request, maxVersion)
            let lost = ClientError.disconnected(cluster.address, reason: "a test ends the connection")
            cluster.perform(after: delay) {
                answer((response as? Request.Response).map { .success($0) } ?? .failure(lost))
            }
        }
    }

    // MARK: Answers

    private func take(_ request: any WireRequest, _ maxVersion: Int16) -> ((any WireMessage)?, Duration) {
        let api = type(of: request).api
        return state.withLock { state in
            state.seen.append((api, maxVersion))
            if state.deaf.contains(api) { return (nil, .zero) }
            switch state.faults.removeValue(forKey: api) {
            case .late(let delay): return (answer(request, &state, .none), delay)
            case .unanswered:
                _ = answer(request, &state, .none)
                return (nil, .zero)
            case .refused(let code): return (answer(request, &state, code), .zero)
            case nil: return (answer(request, &state, .none), .zero)
            }
        }
    }

    private func answer(_ request: any WireRequest, _ state: inout State, _ refusal: ErrorCode) -> any WireMessage {
        switch request {
        case let request as InitProducerIdRequest:
            InitProducerIdResponse {
                $0.errorCode = begin(request, &state)
                ($0.producerID, $0.producerEpoch) = (7, state.epoch)
            }
        case let request as AddPartitionsToTxnRequest:
            AddPartitionsToTxnResponse {
                let code = join(request.v3AndBelowProducerEpoch, &state, refusal)
                $0.resultsByTopicV3AndBelow = [
                    .init { $0.resultsByPartition = [.init { $0.partitionErrorCode = code }] }
                ]
            }
        case let request as AddOffsetsToTxnRequest:
            AddOffsetsToTxnResponse { $0.errorCode = join(request.producerEpoch, &state, refusal) }
        case let request as EndTxnRequest: EndTxnResponse { $0.errorCode = end(request, &state, refusal) }
        case is TxnOffsetCommitRequest:
            TxnOffsetCommitResponse { $0.topics = [.init { $0.partitions = [.init { $0.errorCode = refusal }] }] }
        case let request as ProduceRequest: append(request, refusal)
        case is OffsetCommitRequest:
            OffsetCommitResponse { $0.topics = [.init { $0.partitions = [.init { $0.errorCode = refusal }] }] }
        case is ListOffsetsRequest:
            ListOffsetsResponse {
                let found = ListOffsetsResponse.Partition { ($0.errorCode, $0.offset) = (refusal, .zero) }
                $0.topics = [.init { ($0.name, $0.partitions) = ("t", [found]) }]
            }
        case is FindCoordinatorRequest:
            FindCoordinatorResponse { $0.coordinators = [.init { ($0.host, $0.port) = ("b", 1) }] }
        default: FakeBrokers(partitions: 1).metadata
        }
    }

    private func begin(_ request: InitProducerIdRequest, _ state: inout State) -> ErrorCode {
        guard request.producerID < 0 || request.producerEpoch == state.epoch else { return .producerFenced }
        state.epoch += 1
        if state.status == .ongoing {
            state.status = .aborted
            return .concurrentTransactions
        }
        state.status = .empty
        return .none
    }

    private func join(_ epoch: Int16, _ state: inout State, _ refusal: ErrorCode) -> ErrorCode {
        guard epoch == state.epoch else { return .producerFenced }
        if refusal == .none { state.status = .ongoing }
        return refusal
    }

    private func end(_ request: EndTxnRequest, _ state: inout State, _ refusal: ErrorCode) -> ErrorCode {
        guard request.producerEpoch == state.epoch else { return .producerFenced }
        if refusal != .none { return refusal }
        let wanted = request.committed ? Status.committed : .aborted
        guard state.status == .ongoing || state.status == wanted else { return .invalidTxnState }
        state.status = wanted
        return .none
    }

    private func append(_ request: ProduceRequest, _ refusal: ErrorCode) -> ProduceResponse {
        ProduceResponse {
            $0.responses = request.topicData.map { topic in
                .init {
                    $0.name = topic.name
                    $0.partitionResponses = topic.partitionData.map { data in
                        .init { ($0.index, $0.errorCode, $0.baseOffset) = (data.index, refusal, .zero) }
                    }
                }
            }
        }
    }
}
