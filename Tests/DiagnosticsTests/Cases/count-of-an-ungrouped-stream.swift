import Moldau

func countOfAnUngroupedStream(_ s: StreamsBuilder) {
    _ = s.stream(orders).count()
}
