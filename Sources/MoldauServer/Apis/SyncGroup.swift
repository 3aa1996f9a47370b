// SyncGroup (14): the leader sends each member's assignment; the members wait for theirs.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension SyncGroupRequest: ServedRequest {
    static var mayWait: Bool { true }

    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<SyncGroupResponse>) {
        let sync = GroupRequest.Sync(
            MemberGeneration(
                group: groupID, generation: generationID, memberID: memberID, instanceID: groupInstanceID),
            protocolType: protocolType, protocolName: protocolName,
            assignments: Dictionary(
                assignments.map { ($0.memberID, Array($0.assignment.bytes)) }, uniquingKeysWith: { $1 }))
        service.broker.ask(.sync(sync)) { result in
            call.answer(
                SyncGroupResponse {
                    switch result {
                    case .success(.sync(let answer)):
                        $0.errorCode = ErrorCode(answer.error)
                        $0.protocolType = answer.protocolType
                        $0.protocolName = answer.protocolName
                        $0.assignment = WireBytes(copying: answer.assignment)
                    case .success: $0.errorCode = .unknownServerError
                    case .failure(let error): $0.errorCode = ErrorCode(group: error)
                    }
                })
        }
    }
}
