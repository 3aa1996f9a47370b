// ConsumerGroupDescribe (69): groups of the consumer protocol (KIP-848). There are none: every group is answered with
// GROUP_ID_NOT_FOUND, after which clients ask by DescribeGroups.

internal import MoldauLog
internal import MoldauWire

extension ConsumerGroupDescribeRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ConsumerGroupDescribeResponse>) {
        call.answer(
            ConsumerGroupDescribeResponse {
                $0.groups = groupIDs.map { id in
                    ConsumerGroupDescribeResponse.Group {
                        $0.groupID = id
                        $0.errorCode = .groupIDNotFound
                        $0.errorMessage = "there is no group '\(id)' of the consumer protocol"
                    }
                }
            })
    }
}
