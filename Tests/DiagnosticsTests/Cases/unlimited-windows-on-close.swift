import Moldau

func unlimitedWindowsOnClose(_ s: StreamsBuilder) {
    _ = s.stream(orders).groupByKey().windowedBy(.unlimited(), emit: .onWindowClose).count()
}
