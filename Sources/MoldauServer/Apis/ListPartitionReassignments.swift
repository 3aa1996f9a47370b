// ListPartitionReassignments (46): partitions never move from this broker.

internal import MoldauLog
internal import MoldauWire

extension ListPartitionReassignmentsRequest: ServedRequest {
    func serve<Files: FileSystem>(
        by service: RequestService<Files>, _ call: Call<ListPartitionReassignmentsResponse>
    ) {
        call.answer(ListPartitionReassignmentsResponse())
    }
}
