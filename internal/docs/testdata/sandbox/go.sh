# A Go module with the requirements of testbed/customergo, as go get would write it.
mkdir -p /root/shop
cp /run/src/testbed/customergo/go.mod /run/src/testbed/customergo/go.sum /root/shop/
