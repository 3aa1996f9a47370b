// DescribeCluster (60): this broker alone. There are no separate controller endpoints.

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension DescribeClusterRequest: ServedRequest {
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<DescribeClusterResponse>) {
        guard endpointType == 1 else {
            return call.answer(
                DescribeClusterResponse {
                    $0.errorCode = .mismatchedEndpointType
                    $0.errorMessage = "this address is a broker's, not a controller's"
                    $0.endpointType = 1
                })
        }
        call.answer(
            DescribeClusterResponse {
                $0.clusterID = service.broker.clusterID ?? ""
                $0.controllerID = RequestService<Files>.nodeID
                $0.brokers = [
                    DescribeClusterResponse.Broker {
                        $0.brokerID = RequestService<Files>.nodeID
                        $0.host = call.connection.localAddress.host
                        $0.port = Int32(call.connection.localAddress.port)
                    }
                ]
                if includeClusterAuthorizedOperations { $0.clusterAuthorizedOperations = AllowedOperations.cluster }
            })
    }
}
