import Moldau

func suppressUntilCloseWithoutWindows(_ s: StreamsBuilder) {
    _ = s.table(customers).suppress(.untilWindowCloses())
}
