// DeleteGroups (42): deletes groups without members, and their positions.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DeleteGroupsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DeleteGroupsResponse>) {
        let names = groupsNames
        let gathering = Gathering(count: names.count) { (results: [DeleteGroupsResponse.Result]) in
            call.answer(DeleteGroupsResponse { $0.results = results })
        }
        for (place, name) in names.enumerated() {
            service.broker.ask(.delete(group: name)) { result in
                gathering.set(
                    .init {
                        $0.groupID = name
                        switch result {
                        case .success(.delete(let error)): $0.errorCode = ErrorCode(error)
                        case .success: $0.errorCode = .unknownServerError
                        case .failure(let error): $0.errorCode = ErrorCode(group: error)
                        }
                    }, at: place)
            }
        }
    }
}
