// ListGroups (16): the groups; from version 4 on by state, from version 5 on by type.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension ListGroupsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ListGroupsResponse>) {
        service.broker.ask(.list(GroupRequest.List(states: statesFilter, types: typesFilter))) { result in
            call.answer(
                ListGroupsResponse {
                    switch result {
                    case .success(.list(let found)):
                        $0.groups = found.map { group in
                            ListGroupsResponse.Group {
                                $0.groupID = group.group
                                $0.protocolType = group.protocolType
                                $0.groupState = group.state
                                $0.groupType = group.type
                            }
                        }
                    case .success: $0.errorCode = .unknownServerError
                    case .failure(let error): $0.errorCode = ErrorCode(group: error)
                    }
                })
        }
    }
}
