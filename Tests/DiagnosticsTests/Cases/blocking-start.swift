import Moldau

func blockingStart(_ app: StreamsApplication) async throws {
    try app.start()
}
