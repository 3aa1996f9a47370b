// LeaveGroup (13): members leave; before version 3 a single one, whose error is the answer's. Ignored: `reason`.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension LeaveGroupRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<LeaveGroupResponse>) {
        let names =
            call.version >= 3
            ? members.map { MemberName(memberID: $0.memberID, instanceID: $0.groupInstanceID) }
            : [MemberName(memberID: memberID)]
        let version = call.version
        service.broker.ask(.leave(GroupRequest.Leave(group: groupID, members: names))) { result in
            call.answer(
                LeaveGroupResponse {
                    switch result {
                    case .success(.leave(let answer)):
                        $0.errorCode = ErrorCode(answer.error)
                        if version < 3, answer.error == .none, let member = answer.members.first {
                            $0.errorCode = ErrorCode(member.error)
                        }
                        $0.members = answer.members.map { name, error in
                            LeaveGroupResponse.MemberResponse {
                                $0.memberID = name.memberID
                                $0.groupInstanceID = name.instanceID
                                $0.errorCode = ErrorCode(error)
                            }
                        }
                    case .success: $0.errorCode = .unknownServerError
                    case .failure(let error): $0.errorCode = ErrorCode(group: error)
                    }
                })
        }
    }
}
