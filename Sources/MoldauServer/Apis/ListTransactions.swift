// ListTransactions (66): the transactional ids; filtered by state, by producer, from version 1 on by how long they are
// open.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension ListTransactionsRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<ListTransactionsResponse>) {
        let known = Dictionary(
            TransactionStatus.allCases.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let statuses = Set(stateFilters.compactMap { known[$0] })
        let unknown = stateFilters.filter { known[$0] == nil }
        let found =
            !stateFilters.isEmpty && statuses.isEmpty
            ? []
            : service.broker.listTransactions(
                statuses: statuses, producers: Set(producerIDFilters),
                openFor: durationFilter >= 0 ? .milliseconds(durationFilter) : nil)
        call.answer(
            ListTransactionsResponse {
                $0.unknownStateFilters = unknown
                $0.transactionStates = found.map { transaction in
                    ListTransactionsResponse.TransactionState {
                        $0.transactionalID = transaction.id
                        $0.producerID = transaction.producer.id
                        $0.transactionState = transaction.status.name
                    }
                }
            })
    }
}
