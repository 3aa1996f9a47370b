// Heartbeat (12): keeps a member's session alive, and reports when its group rebalances.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension HeartbeatRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<HeartbeatResponse>) {
        let member = MemberGeneration(
            group: groupID, generation: generationID, memberID: memberID, instanceID: groupInstanceID)
        service.broker.ask(.heartbeat(GroupRequest.Heartbeat(member))) { result in
            call.answer(
                HeartbeatResponse {
                    switch result {
                    case .success(.heartbeat(let error)): $0.errorCode = ErrorCode(error)
                    case .success: $0.errorCode = .unknownServerError
                    case .failure(let error): $0.errorCode = ErrorCode(group: error)
                    }
                })
        }
    }
}
