// FindCoordinator (10): this broker coordinates all groups (type 0) and transactional ids (type 1).
//
// From version 4 on a request has several keys. Share groups (type 2, version 6) are not supported.

internal import MoldauLog
internal import MoldauWire

extension FindCoordinatorRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<FindCoordinatorResponse>) {
        let address = call.connection.localAddress
        let isKnown = keyType == 0 || keyType == 1
        let reason =
            isKnown ? nil : "there are coordinators of groups (0) and of transactional ids (1), not of type \(keyType)"
        let (node, host, port) =
            isKnown ? (RequestService<Files>.nodeID, address.host, Int32(address.port)) : (-1, "", -1)
        call.answer(
            FindCoordinatorResponse {
                $0.errorCode = isKnown ? .none : .invalidRequest
                $0.errorMessage = reason
                ($0.nodeID, $0.host, $0.port) = (node, host, port)
                $0.coordinators = (call.version >= 4 ? coordinatorKeys : []).map { key in
                    FindCoordinatorResponse.Coordinator {
                        $0.key = key
                        ($0.nodeID, $0.host, $0.port) = (node, host, port)
                        $0.errorCode = isKnown ? .none : .invalidRequest
                        $0.errorMessage = reason
                    }
                }
            })
    }
}
